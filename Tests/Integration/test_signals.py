"""SIGTERM drains, SIGHUP reloads, certificates change under running connections."""

import json
import os
import shutil
import signal
import ssl
import threading

import pytest

from harness import Ended, certificates, wait_until


def get(origin, target="/", fields=""):
    return f"GET {target} HTTP/1.1\r\nHost: {origin.host}\r\n{fields}\r\n".encode()


def ended(porthole, seconds=10):
    wait_until(lambda: porthole.process.poll() is not None, "the end of the process", seconds)
    return porthole.process.returncode


@pytest.fixture
def launch():
    """Processes that the test itself ends."""
    from harness import Porthole
    started = []

    def launch(**changes):
        started.append(Porthole(**changes))
        return started[-1]

    yield launch
    for process in started:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()
        process.folder.cleanup()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_process_ends_at_once(launch, make_origin, number):
    origin = make_origin()
    porthole = launch()
    idle = porthole.client()
    assert idle.get(host=origin.host).status == 200
    porthole.signal(number)
    assert idle.until_closed() == b"" and idle.ended_by == Ended.CLEAN
    idle.close()
    assert ended(porthole) == 0


def test_a_download_is_finished_first(launch, make_origin):
    gate = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"a" * 1_000_000)
        gate.wait(20)
        connection.send(b"b" * 1_000_000)

    origin = make_origin(serve=serve)
    porthole = launch()
    client = porthole.client()
    client.send(get(origin))
    assert client.reader.head().status == 200
    assert client.reader.exactly(1_000_000) == b"a" * 1_000_000
    porthole.signal(signal.SIGTERM)
    porthole.wait_for_line("draining")

    def refused():
        try:
            porthole.client().close()
            return False
        except OSError:
            return True
    wait_until(refused, "new connections' refusal")
    assert porthole.process.poll() is None
    gate.set()
    assert client.reader.exactly(1_000_000) == b"b" * 1_000_000
    assert client.until_closed() == b"" and client.ended_by == Ended.CLEAN
    client.close()
    assert ended(porthole) == 0


def test_an_upload_is_finished_first(launch, make_origin):
    origin = make_origin()
    porthole = launch()
    client = porthole.client()
    client.send(f"POST / HTTP/1.1\r\nHost: {origin.host}\r\nContent-Length: 10\r\n\r\nhello".encode())
    origin.wait_for_connection()
    porthole.signal(signal.SIGTERM)
    porthole.wait_for_line("draining")
    client.send(b"world")
    response = client.response()
    assert (response.status, response.get("Connection")) == (200, b"close")
    assert client.until_closed() == b""
    client.close()
    assert ended(porthole) == 0


def test_a_drain_has_a_limit(launch, make_origin):
    origin = make_origin(serve=lambda connection: (connection.request(), connection.wait_for_end()))
    porthole = launch(timeouts={"drain": "300ms"})
    client = porthole.client()
    client.send(get(origin))
    origin.wait_for_requests(1)
    porthole.signal(signal.SIGTERM)
    client.until_closed()
    client.close()
    assert ended(porthole) == 0


def test_a_second_signal_ends_it_now(launch, make_origin):
    origin = make_origin(serve=lambda connection: (connection.request(), connection.wait_for_end()))
    porthole = launch()
    client = porthole.client()
    client.send(get(origin))
    origin.wait_for_requests(1)
    porthole.signal(signal.SIGTERM)
    porthole.wait_for_line("draining")
    porthole.signal(signal.SIGTERM)
    assert ended(porthole) == 1
    client.close()


def test_readiness_ends_with_the_drain(launch, make_origin):
    origin = make_origin(serve=lambda connection: (connection.request(), connection.wait_for_end()))
    porthole = launch()
    client = porthole.client()
    client.send(get(origin))
    origin.wait_for_requests(1)
    api = porthole.plain_client(address=porthole.api)
    assert api.request(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
    porthole.signal(signal.SIGTERM)
    porthole.wait_for_line("draining")
    with porthole.plain_client(address=porthole.api) as probe:
        assert probe.request(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").status == 503
        assert probe.request(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200


# SIGHUP


def test_a_reload_changes_routes_under_a_running_connection(start, make_origin):
    origin = make_origin()
    porthole = start()
    client = porthole.client()
    assert client.get(host=f"{origin.port}-fresh.preview.localhost").status == 404
    porthole.configure(runner={"sandboxes": [{"id": "fresh", "ports": [origin.port]}]})
    assert "reloaded" in porthole.reload()
    assert client.get(host=f"{origin.port}-fresh.preview.localhost").status == 200
    assert client.get(host=origin.host).status == 404
    client.close()


def test_a_reload_does_not_touch_a_download(start, make_origin):
    gate = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        gate.wait(10)
        connection.send(b"world")

    origin = make_origin(serve=serve)
    porthole = start()
    with porthole.client() as client:
        client.send(get(origin))
        client.reader.until(b"hello")
        for _ in range(3):
            assert "reloaded" in porthole.reload()
        gate.set()
        assert client.reader.exactly(5) == b"world"


@pytest.mark.parametrize("text", ["workers: [", "nonsense: 1\n", "workers: -3\n", "", "domains: []\n", "\0\1\2", "tls: [{certificate: /nowhere, key: /nowhere}]\n"])
def test_a_bad_configuration_is_refused_and_the_old_one_goes_on(start, make_origin, text):
    origin = make_origin()
    porthole = start()
    client = porthole.client()
    assert client.get(host=origin.host).status == 200
    porthole.write_configuration(text)
    assert "refused" in porthole.reload()
    assert client.get(host=origin.host).status == 200
    with porthole.client() as fresh:
        assert fresh.get(host=origin.host).status == 200
    client.close()


def test_limits_change_with_a_reload(start, make_origin):
    origin = make_origin()
    porthole = start()
    porthole.configure(limits={"headBytes": 1024, "requestLineBytes": 512})
    assert "reloaded" in porthole.reload()
    wait_until(lambda: porthole.client().get("/" + "x" * 600, host=origin.host).status == 414, "the new limit")


# Certificates


def serial(porthole):
    made = ssl.create_default_context(cafile=certificates().authority[0])
    made.check_hostname = False
    with porthole.client(sni="3000-bench.preview.localhost", context=made) as client:
        return client.socket.getpeercert()["serialNumber"]


@pytest.fixture
def renewable(start, tmp_path):
    """A process whose certificate lies in a folder of its own."""
    pair = [str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")]
    for source, target in zip(certificates().server, pair):
        shutil.copy(source, target)
    return start(tls=[{"certificate": pair[0], "key": pair[1]}]), pair


@pytest.mark.parametrize("by", ["signal", "change"])
def test_a_new_certificate(renewable, make_origin, by):
    porthole, pair = renewable
    origin = make_origin()
    old = serial(porthole)
    running = porthole.client()
    assert running.get(host=origin.host).status == 200
    for source, target in zip(certificates().issue("renewed", ["*.preview.localhost"]), pair):
        shutil.copy(source, target + ".new")
        os.replace(target + ".new", target)
    if by == "signal":
        porthole.reload()
    wait_until(lambda: serial(porthole) != old, "the new certificate")
    assert running.get(host=origin.host).status == 200
    running.close()


def test_a_bad_certificate_is_not_taken(renewable):
    porthole, pair = renewable
    old = serial(porthole)
    with open(pair[0], "w") as file:
        file.write("garbage")
    assert "refused" in porthole.reload()
    assert serial(porthole) == old


# The log


def test_the_access_log(launch, make_origin, tmp_path):
    path = tmp_path / "access.log"
    origin = make_origin()
    porthole = launch(log={"access": "json", "accessFile": str(path)})
    with porthole.client() as client:
        client.get("/logged?x=\"y\"", host=origin.host, fields=["User-Agent: te\"st\\"])
        client.get(host="3000-shut.preview.localhost")
    porthole.signal(signal.SIGTERM)
    assert ended(porthole) == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 2
    assert any("/logged?x=\"y\"" in str(value) for value in lines[0].values())
    assert any("te\"st\\" in str(value) for value in lines[0].values())
    assert any("route/not-found" in str(value) for value in lines[1].values())


def test_the_log_is_reopened_on_sighup(start, make_origin, tmp_path):
    path = tmp_path / "access.log"
    origin = make_origin()
    porthole = start(log={"access": "json", "accessFile": str(path)})
    with porthole.client() as client:
        client.get("/before", host=origin.host)
        wait_until(lambda: path.exists() and "/before" in path.read_text(), "the line")
        os.rename(path, str(path) + ".1")
        porthole.reload()
        client.get("/after", host=origin.host)
        wait_until(lambda: path.exists() and "/after" in path.read_text(), "the line in the new file")
