"""The commands against a real Porthole, with its first API key."""

import json
import socket

import pytest

from cli_kit import cli  # noqa: F401 (fixtures)
from harness import DEADLINE, Crashed, Porthole, certificates, wait_until


class InMemory(Porthole):
    """One whose runner makes sandboxes that live in its own memory."""

    @staticmethod
    def base():
        return {**Porthole.base(), "runner": {"kind": "memory"}}


def first_key(porthole):
    """Its first API key; skips where the binary has no control API."""
    with socket.create_connection(porthole.api, timeout=DEADLINE) as connection:
        connection.sendall(b"GET /v1/sandboxes HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        status = connection.makefile("rb").readline().split()[1]
    if status == b"404":
        pytest.skip("this binary serves no /v1/sandboxes")
    assert status == b"401"
    found = [word for line in porthole.stdout for word in line.split() if word.startswith("phk_")]
    assert len(found) == 1, "no first API key was printed"
    return found[0]


@pytest.fixture
def live_api(start):
    """A Porthole with the static runner: its URL and its key."""
    porthole = start()
    return "http://{}:{}".format(*porthole.api), first_key(porthole)


@pytest.fixture
def memory():
    try:
        porthole = InMemory()
    except Crashed as error:
        if "runner.kind" not in str(error):
            raise
        pytest.skip("this binary has no memory runner")
    yield porthole
    porthole.stop()


def test_the_commands_against_a_real_server(cli, live_api, make_origin):
    url, cli.key = live_api
    origin = make_origin()

    def ok(*arguments):
        return cli.ok(*arguments, "--api", url)

    assert {"bench", "shut"} <= {row[0] for row in ok("sandbox", "list").rows[1:]}
    assert ok("sandbox", "info", "shut", "--json").json["status"] == "running"
    exposure = ok("expose", "shut", str(origin.port), "--auth", "token", "--json").json
    assert exposure["port"] == origin.port and exposure["auth"] == "token"
    assert "already exposed" in cli.fails(1, "expose", "shut", str(origin.port), "--api", url).stderr
    assert [row[0] for row in ok("ports", "shut").rows[1:]] == [str(origin.port)]
    ok("wait", "shut", str(origin.port), "--timeout", "5s")
    link = ok("links", "create", "shut", str(origin.port), "--ttl", "1h", "--json").json
    assert [row[0] for row in ok("links", "list", "shut", str(origin.port)).rows[1:]] == [link["id"]]
    ok("links", "revoke", "shut", str(origin.port), link["id"])
    assert cli("explain", "--live", exposure["url"], "--json", "--api", url).json["steps"]
    ok("close", "shut", str(origin.port))
    types = [json.loads(line)["type"] for line in ok("events", "--sandbox", "shut", "--json").stdout.splitlines()]
    assert "exposed" in types and "closed" in types
    made = ok("keys", "create", "second", "--json").json
    assert made["id"] in [row[0] for row in ok("keys", "list").rows[1:]]
    ok("keys", "revoke", made["id"])
    ok("usage")
    ok("history")
    cli.fails(1, "sandbox", "info", "nothing", "--api", url)


def test_the_life_of_a_sandbox(cli, memory):
    """Through `api.<domain>`, as from another machine."""
    cli.key = first_key(memory)
    where = ["--api", f"https://api.preview.localhost:{memory.https[1]}", "--ca", certificates().authority[0]]

    def run(*arguments, **keywords):
        place = arguments.index("--") if "--" in arguments else len(arguments)
        return cli(*arguments[:place], *where, *arguments[place:], **keywords)

    def ok(*arguments, **keywords):
        result = run(*arguments, **keywords)
        assert result.status == 0 and not result.stderr, result
        return result

    made = ok("sandbox", "create", "--image", "demo", "--timeout", "1h", "--json").json
    id, token = made["id"], made["token"]
    assert made["timeoutSec"] == 3600

    assert ok("sandbox", "exec", id, "--", "echo", "a  b", "$HOME").stdout == "a  b $HOME\n"
    result = run("sandbox", "exec", id, "--", "echo err >&2; exit 3")
    assert (result.status, result.stderr) == (3, "err\n")
    assert ok("sandbox", "exec", id, "--", "cat", stdin="é\n".encode()).stdout == "é\n"
    assert run("sandbox", "exec", id, "--timeout", "1s", "--", "sleep", "60").status == 124

    data = bytes(range(256)) * 5000
    ok("files", "put", id, "-", "/srv/data", stdin=data)
    assert ok("files", "get", id, "/srv/data").raw == data
    assert ok("sandbox", "exec", id, "--", "cat", "/srv/data").raw == data
    assert ok("files", "list", id, "/srv", "--json").json["entries"][0]["sizeBytes"] == len(data)
    ok("files", "remove", id, "/srv", "--recursive")
    assert run("files", "get", id, "/srv/data", "data").status == 1 and not list(cli.home.iterdir())

    pid = ok("ps", "start", id, "--json", "--", "echo started; sleep 60").json["pid"]
    wait_until(lambda: ok("ps", "logs", id, str(pid)).stdout == "started\n", "the output")
    assert ok("ps", "list", id).rows[1][:2] == [str(pid), "running"]
    ok("ps", "stop", id, str(pid))
    assert ok("ps", "logs", id, str(pid), "--follow").stdout == "started\n"

    assert ok("sandbox", "pause", id).stdout == f"{id} is paused\n"
    assert run("sandbox", "exec", id, "--", "true").status == 125
    ok("sandbox", "resume", id)
    snapshot = ok("sandbox", "snapshot", id, "--json").json["id"]
    assert [row[0] for row in ok("snapshot", "list").rows[1:]] == [snapshot]
    assert ok("sandbox", "restore", snapshot, "--name", "again", "--json").json["name"] == "again"
    ok("snapshot", "delete", snapshot)
    assert len(ok("sandbox", "fork", id, "--count", "2", "--json").json["sandboxes"]) == 2
    assert len(ok("sandbox", "list").rows) == 1 + 4

    # The sandbox's own token, on its own host, and no longer when there is another.
    cli.key = token
    own = ["--api", f"https://{id}.preview.localhost:{memory.https[1]}", "--ca", certificates().authority[0]]
    assert cli.ok("sandbox", "info", id, *own, "--json").json["id"] == id
    cli.key = first_key(memory)
    assert ok("sandbox", "token", id, "--rotate").stdout.startswith("pht_")
    cli.key = token
    assert "401" in cli.fails(1, "sandbox", "info", id, *own).stderr
    cli.key = first_key(memory)

    assert ok("sandbox", "destroy", id).stdout.startswith(f"{id} is terminated")
    assert ok("history").rows[1][0] == id
    assert "410" in run("sandbox", "pause", id).stderr


def test_events_are_followed_live(cli, memory):
    cli.key = first_key(memory)
    url = "http://{}:{}".format(*memory.api)
    process = cli.start("events", "--follow", "--after", "0", "--type", "created", "--limit", "2", "--json", "--api", url)
    ids = [cli.ok("sandbox", "create", "--quiet", "--api", url).stdout.strip() for _ in range(2)]
    stdout = process.communicate(timeout=DEADLINE)[0]
    assert [json.loads(line)["sandboxId"] for line in stdout.splitlines()] == ids
