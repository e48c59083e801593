"""The control plane from outside: exposures, credentials, revocation, lifecycle, restarts, on the real binary."""

import concurrent.futures
import json
import os
import re
import signal
import threading
import urllib.error
import urllib.request

import pytest

from harness import Porthole


class Control:
    """A process with an API key. `runner` replaces the configuration's."""

    def __init__(self, start, **changes):
        self.porthole = start(**changes)
        line = self.porthole.wait_for_line(r"phk_", lines=self.porthole.stdout)
        self.key = re.search(r"phk_[\w-]+", line)[0]

    def call(self, method, path, body=None, key=None, headers=()):
        host, port = self.porthole.api
        request = urllib.request.Request(
            f"http://{host}:{port}{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json", **dict(headers)})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def ok(self, method, path, body=None, status=(200, 201)):
        got, answer = self.call(method, path, body)
        assert got in status, (got, answer)
        return answer

    def get(self, port, sandbox="bench", target="/", *fields):
        with self.porthole.client() as client:
            return client.get(target, host=f"{port}-{sandbox}.preview.localhost", fields=fields)


@pytest.fixture
def control(start):
    return Control(start)


class MemoryPorthole(Porthole):
    @staticmethod
    def base():
        return {**Porthole.base(), "runner": {"kind": "memory"}}


@pytest.fixture
def memory():
    control = Control(MemoryPorthole, timeouts={"dialRetry": "2s"})
    yield control
    control.porthole.stop()


def path_of(url):
    return re.sub(r"^https://[^/]+", "", url)


def test_a_protected_port_by_every_carrier(control, origin):
    token = control.ok("POST", "/v1/sandboxes/bench/token/rotate", {})["token"]
    made = control.ok("POST", "/v1/sandboxes/bench/ports", {"port": origin.port, "auth": "token", "name": "web"})
    assert made["url"].startswith(f"https://{origin.port}-bench.preview.localhost") and made["browserUrlExpiresAt"]
    refused = control.get(origin.port)
    assert (refused.status, refused.get("Porthole-Error")) == (401, b"auth/unauthenticated")
    assert not origin.requests
    for field in (f"X-Porthole-Token: {token}", f"Authorization: Bearer {token}"):
        assert control.get(origin.port, "bench", "/", field).status == 200
    bootstrap = control.get(origin.port, "bench", path_of(made["browserUrl"]).replace("next=%2F", "next=%2Fapp%3Fa%3D1"))
    assert (bootstrap.status, bootstrap.get("Location")) == (303, b"/app?a=1")
    cookie = bootstrap.get("Set-Cookie").decode()
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"):
        assert attribute in cookie
    assert control.get(origin.port, "bench", "/", f"Cookie: {cookie.split(';')[0]}").status == 200
    for secret in (token.encode(), b"__Host-porthole", b"pht_"):
        assert secret not in origin.received
    status, again = control.call("POST", "/v1/sandboxes/bench/ports", {"port": origin.port})
    assert status == 409 and "already exposed" in again["detail"] and again["exposure"]["browserUrl"].startswith("https://")


def test_revoking_ends_what_runs(control, make_origin):
    cut = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.wait_for_end()
        cut.set()

    origin = make_origin(serve=serve)
    token = control.ok("POST", "/v1/sandboxes/bench/token/rotate", {})["token"]
    control.ok("POST", "/v1/sandboxes/bench/ports", {"port": origin.port, "auth": "token"})
    with control.porthole.client() as client:
        client.send(f"GET / HTTP/1.1\r\nHost: {origin.host}\r\nX-Porthole-Token: {token}\r\n\r\n".encode())
        origin.wait_for_requests(1)
        control.ok("POST", "/v1/sandboxes/bench/token/rotate", {})
        assert cut.wait(5)
        assert b"\r\n0\r\n" not in client.until_closed()
    assert control.get(origin.port, "bench", "/", f"X-Porthole-Token: {token}").status == 401


def test_a_single_use_link_is_used_once(control, origin):
    control.ok("POST", "/v1/sandboxes/bench/ports", {"port": origin.port, "auth": "token"})
    link = control.ok("POST", f"/v1/sandboxes/bench/ports/{origin.port}/links", {"once": True, "next": "/a"})
    target = path_of(link["url"])
    for _ in range(2):
        assert control.get(origin.port, "bench", target).status == 200
    form = target.split("?")[1].encode()
    request = (f"POST /.porthole/auth HTTP/1.1\r\nHost: {origin.host}\r\nContent-Length: {len(form)}\r\n\r\n").encode() + form

    def redeem(_):
        with control.porthole.client() as client:
            return client.request(request, "POST").status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(redeem, range(8))) == [303] + [401] * 7
    listed = control.ok("GET", f"/v1/sandboxes/bench/ports/{origin.port}/links")["links"]
    assert listed[0]["redeemedAt"] and "url" not in listed[0]
    control.ok("DELETE", f"/v1/sandboxes/bench/ports/{origin.port}/links/{link['id']}")


def test_exposures_survive_a_kill_and_secrets_are_nowhere(origin, tmp_path):
    store = str(tmp_path / "porthole.db")
    one = Control(Porthole, store=store)
    token = one.ok("POST", "/v1/sandboxes/shut/token/rotate", {})["token"]
    made = one.ok("POST", "/v1/sandboxes/shut/ports", {"port": origin.port, "auth": "token", "name": "kept"})
    one.porthole.process.send_signal(signal.SIGKILL)
    one.porthole.process.wait()
    one.porthole.folder.cleanup()
    grant = re.search(r"grant=([\w-]+)", made["browserUrl"])[1]
    for name in os.listdir(tmp_path):
        data = (tmp_path / name).read_bytes()
        for secret in (token, grant, one.key):
            assert secret.encode() not in data, name
    two = Porthole(store=store)
    try:
        assert not re.search("phk_", "\n".join(two.stdout)), "a key is shown once"
        with two.client() as client:
            assert client.get(host=f"{origin.port}-shut.preview.localhost").status == 401
            answer = client.get(host=f"{origin.port}-shut.preview.localhost", fields=[f"X-Porthole-Token: {token}"])
            assert answer.status == 200
            assert client.get(path_of(made["browserUrl"]), host=f"{origin.port}-shut.preview.localhost").status == 303
    finally:
        two.stop()


def test_mistakes_are_told_all_at_once_with_their_paths(control):
    status, answer = control.call("POST", "/v1/sandboxes/bench/ports", {"port": 80, "ttl": "x", "allowIPs": ["1.2.3.4/99"], "nme": 1})
    assert status == 422 and {"port", "ttl", "allowIPs[0]", "nme"} <= {error["path"] for error in answer["errors"]}
    assert control.call("GET", "/v1/sandboxes", key="phk_wrong")[0] == 401
    status, answer = control.call("POST", "/v1/sandboxes/bench/pause", {})
    assert status == 501 and answer["capability"] == "pause"


def test_an_idempotency_key_does_it_once(control):
    headers = [("Idempotency-Key", "k1")]
    first = control.call("POST", "/v1/sandboxes/bench/ports", {"port": 4000, "auth": "token"}, headers=headers)
    assert first[0] == 201
    assert control.call("POST", "/v1/sandboxes/bench/ports", {"port": 4000, "auth": "token"}, headers=headers) == first
    assert control.call("POST", "/v1/sandboxes/bench/ports", {"port": 4001}, headers=headers)[0] == 409


# The memory runner


def make(memory, **body):
    return memory.ok("POST", "/v1/sandboxes", {"image": "any", **body})


def test_a_sandbox_lives_sleeps_wakes_and_ends(memory):
    sandbox = make(memory, env={"PORTHOLE_MEMORY_PORTS": "3000", "PORTHOLE_MEMORY_RESUME_DELAY_MS": "300"})
    id = sandbox["id"]
    memory.ok("POST", f"/v1/sandboxes/{id}/ports", {"port": 3000, "wake": True})
    url = memory.ok("GET", f"/v1/sandboxes/{id}/ports/3000")["url"]
    assert memory.get(3000, id).status == 200
    memory.ok("POST", f"/v1/sandboxes/{id}/pause")
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert {answer.status for answer in pool.map(lambda _: memory.get(3000, id), range(100))} == {200}
    events = [event["type"] for event in memory.ok("GET", f"/v1/events?format=json&sandbox={id}")["events"]]
    assert events.count("woke") + events.count("resumed") in (1, 2) and events.count("paused") == 1, events
    assert memory.ok("GET", f"/v1/sandboxes/{id}/ports/3000")["url"] == url
    ended = memory.ok("DELETE", f"/v1/sandboxes/{id}")
    assert ended["status"] == "terminated" and {"cpuMs", "memPeakBytes", "uptimeMs"} <= set(ended)
    gone = memory.get(3000, id)
    assert (gone.status, gone.get("Porthole-Error")) == (410, b"lifecycle/terminated")


def test_who_may_not_wake_is_told_that_it_sleeps(memory):
    id = make(memory, env={"PORTHOLE_MEMORY_PORTS": "3000"})["id"]
    memory.ok("POST", f"/v1/sandboxes/{id}/ports", {"port": 3000})
    memory.ok("POST", f"/v1/sandboxes/{id}/hibernate")
    answer = memory.get(3000, id)
    assert (answer.status, answer.get("Porthole-Error")) == (503, b"lifecycle/paused")
    assert answer.get("Porthole-Forwarded") == b"no" and answer.get("Retry-After")
    memory.ok("POST", f"/v1/sandboxes/{id}/resume")
    assert memory.get(3000, id).status == 200


def test_commands_and_files(memory):
    id = make(memory)["id"]
    done = memory.ok("POST", f"/v1/sandboxes/{id}/exec", {"command": "echo hello; exit 3"})
    assert (done["exitCode"], done["stdout"].strip()) == (3, "hello")
    forks = memory.ok("POST", f"/v1/sandboxes/{id}/fork", {"count": 2})["sandboxes"]
    assert len({fork["id"] for fork in forks} | {id}) == 3 and all(fork["token"] for fork in forks)
