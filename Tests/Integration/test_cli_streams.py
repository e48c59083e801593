"""The commands whose bodies stream, against an API that answers as told: exec, logs, files, events."""

import base64
import json
import os
import shlex
import signal
import subprocess
import threading

import pytest

from cli_kit import AT, ID, S, api, cli, nobody  # noqa: F401 (fixtures)
from fake_api import Answer, event, problem, stream
from harness import DEADLINE, wait_until
from harness.porthole import BINARY

# exec


def out(stream, data):
    """An event with a piece of output, in base64 as it was asked for."""
    data = data if isinstance(data, bytes) else data.encode()
    return event(stream, {"data": base64.b64encode(data).decode()})


def exec_answer(*pieces, **keywords):
    return {f"POST {S}/exec": lambda request: stream(*pieces, **keywords)}


@pytest.mark.parametrize("end,status", [
    ({"exitCode": 0}, 0), ({"exitCode": 1}, 1), ({"exitCode": 2}, 2), ({"exitCode": 125}, 125), ({"exitCode": 255}, 255),
    ({"exitCode": 137, "signal": 9}, 137), ({"exitCode": 124, "timedOut": True}, 124), ({}, 125),
])
def test_exec_ends_as_the_command_did(cli, api, end, status):
    api.answers.update(exec_answer(
        out("stdout", "out\n"), b": keep-alive\n\n", out("stderr", "err\n"), event("exit", end)))
    result = cli("sandbox", "exec", ID, "--", "true")
    assert result.status == status and result.stdout == "out\n" and result.stderr.startswith("err\n")
    assert ("--timeout" in result.stderr) == ("timedOut" in end)
    assert api.request.headers["Accept"] == "text/event-stream"


@pytest.mark.parametrize("words,line", [
    (["ls"], "ls"), (["ls | wc -l"], "ls | wc -l"), (["ls", "-l", "/tmp"], "ls -l /tmp"),
    (["echo", "$HOME", "a b", ""], "echo '$HOME' 'a b' ''"), (["echo", "it's"], "echo 'it'\\''s'"), (["echo", "--", "-x"], "echo -- -x"),
    (["printf", "a\nb", "é"], "printf 'a\nb' 'é'"), (["echo", "a*", "~", "x=y"], "echo 'a*' '~' x=y"),
])
def test_exec_passes_words_as_they_are(cli, api, words, line):
    api.answers.update(exec_answer(event("exit", {"exitCode": 0})))
    cli.ok("sandbox", "exec", ID, "--", *words)
    assert api.request.json["command"] == line
    if len(words) > 1:
        assert shlex.split(line) == words


def test_exec_says_how(cli, api):
    api.answers.update(exec_answer(event("exit", {"exitCode": 0})))
    cli.ok("sandbox", "exec", ID, "--timeout", "2m", "--cwd", "/srv", "--user", "me", "-e", "A=1", "--env", "FROM_HERE", "--",
           "env", env={"FROM_HERE": "x"})
    assert api.request.json == {
        "command": "env", "timeoutSec": 120, "cwd": "/srv", "user": "me", "env": {"A": "1", "FROM_HERE": "x"},
        "encoding": "base64"}


@pytest.mark.parametrize("stdin,arguments,passed", [
    (b"print(1)\n", [], "print(1)\n"), (b"", [], None), (b"ignored", ["--no-stdin"], None), (b"ignored", ["-n"], None),
    ("é\0".encode(), [], "é\0"),
])
def test_exec_passes_standard_input(cli, api, stdin, arguments, passed):
    api.answers.update(exec_answer(event("exit", {"exitCode": 0})))
    cli.ok("sandbox", "exec", ID, *arguments, "--", "python", stdin=stdin)
    assert api.request.json.get("stdin") == passed


def test_exec_takes_no_input_that_would_not_arrive(cli, api):
    assert "UTF-8" in cli.fails(125, "sandbox", "exec", ID, "--", "cat", stdin=b"\xff").stderr
    assert "1 MiB" in cli.fails(125, "sandbox", "exec", ID, "--", "cat", stdin=b"x" * ((1 << 20) + 1)).stderr
    assert not api.requests


def test_exec_with_standard_input_closed(cli, api):
    api.answers.update(exec_answer(event("exit", {"exitCode": 0})))
    process = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", BINARY, "sandbox", "exec", ID, "--", "true"], env=cli.environment(), timeout=30)
    assert process.returncode == 0 and "stdin" not in api.request.json


def test_exec_passes_binary_output(cli, api):
    api.answers.update(exec_answer(
        out("stdout", b"\xff\x00\n"), out("stdout", "é".encode()[:1]), out("stdout", "é".encode()[1:]), event("exit", {"exitCode": 0})))
    assert cli.ok("sandbox", "exec", ID, "--", "cat").raw == b"\xff\x00\n" + "é".encode()


def test_exec_shows_output_as_it_comes(cli, api):
    go = threading.Event()

    def pieces():
        yield out("stdout", "first\n")
        assert go.wait(DEADLINE)
        yield event("exit", {"exitCode": 0})

    api.answers[f"POST {S}/exec"] = lambda request: Answer(b"", pieces=pieces(), type="text/event-stream")
    process = cli.start("sandbox", "exec", ID, "--", "true")
    assert process.stdout.readline() == b"first\n"
    go.set()
    assert process.wait(DEADLINE) == 0
    process.communicate()


def test_exec_ends_the_command_on_ctrl_c(cli, api):
    def pieces():
        yield out("stdout", "first\n")
        while not api.gone.is_set():
            yield b": keep-alive\n\n"
            api.gone.wait(0.01)

    api.answers[f"POST {S}/exec"] = lambda request: Answer(b"", pieces=pieces(), type="text/event-stream")
    process = cli.start("sandbox", "exec", ID, "--", "sleep", "60")
    assert process.stdout.readline() == b"first\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == -signal.SIGINT
    process.communicate()
    # The connection has ended, by which the API knows that it is to end the command.
    wait_until(api.gone.is_set, "the end of the connection")


@pytest.mark.parametrize("answer,expected", [
    (stream(out("stdout", "x")), "ended before the command did"),
    (stream(out("stdout", "x"), cut=True), "ended the connection"),
    (stream(event("error", {"detail": "The sandbox ended."})), "The sandbox ended."),
    (problem(404, "route/not-found", "No such sandbox."), "No such sandbox."),
    (problem(422, "request/invalid-body", "Wrong."), "Wrong."),
    (Answer(b"hello", type="text/plain"), "no exit status"),
])
def test_exec_that_fails_by_itself_is_125(cli, api, answer, expected):
    api.answers[f"POST {S}/exec"] = answer
    assert expected in cli.fails(125, "sandbox", "exec", ID, "--", "true").stderr


def test_exec_without_key_or_server_is_125(cli, nobody):
    result = cli.fails(125, "sandbox", "exec", ID, "--api", f"http://127.0.0.1:{nobody}", "--", "true")
    assert "nothing listens" in result.stderr
    cli.key = None
    assert "there is no API key" in cli.fails(125, "sandbox", "exec", ID, "--", "true").stderr


def test_exec_with_a_server_that_does_not_stream(cli, api):
    api.answers[f"POST {S}/exec"] = {"exitCode": 3, "stdout": "b3V0", "stderr": "ZXJy", "durationMs": 5}
    result = cli("sandbox", "exec", ID, "--", "true")
    assert (result.status, result.stdout, result.stderr) == (3, "out", "err")
    api.answers[f"POST {S}/exec"] = {"exitCode": 0, "stdout": "/w==", "stderr": "", "truncated": True}
    result = cli("sandbox", "exec", ID, "--", "true")
    assert result.raw == b"\xff" and "cut" in result.stderr


def test_exec_json(cli, api):
    answer = {"exitCode": 4, "stdout": "out", "stderr": "", "durationMs": 5}
    api.answers[f"POST {S}/exec"] = answer
    result = cli("sandbox", "exec", ID, "--json", "--", "true")
    assert result.status == 4 and result.json == answer
    assert api.request.headers["Accept"] == "application/json" and "encoding" not in api.request.json


# Processes


def test_logs_go_where_they_came_from(cli, api):
    def answer(request):
        base64 = request.query == {"encoding": "base64"}
        pieces = ["YQ==", "Yg==", "/w=="] if base64 else ["a", "b", "\ufffd"]
        return {"logs": [{"stream": name, "data": data} for name, data in zip(["stdout", "stderr", "stdout"], pieces)],
                "stdout": "", "stderr": ""}

    api.answers[f"GET {S}/processes/7/logs"] = answer
    result = cli("ps", "logs", ID, "7")
    assert (result.status, result.raw, result.stderr) == (0, b"a\xff", "b")
    assert [piece["data"] for piece in cli.ok("ps", "logs", ID, "7", "--json").json["logs"]] == ["a", "b", "\ufffd"]


def test_logs_are_followed(cli, api):
    path = f"GET {S}/processes/7/logs"
    api.answers[path] = lambda request: stream(event("stdout", {"data": "a"}), event("exit", {"exitCode": 1}))
    result = cli.ok("ps", "logs", ID, "7", "--follow")
    assert result.stdout == "a" and api.request.query == {"follow": "true"}
    api.answers[path] = lambda request: stream(event("stdout", {"data": "a"}))
    cli.fails(1, "ps", "logs", ID, "7", "--follow")


# Files


DATA = bytes(range(256)) * 1000


def test_a_file_comes_out(cli, api):
    api.answers[f"GET {S}/files"] = lambda request: Answer(b"", pieces=iter([DATA[:1000], DATA[1000:]]), type="application/octet-stream")
    assert cli.ok("files", "get", ID, "/srv/a b").raw == DATA
    assert api.request.query == {"path": "/srv/a b"}
    assert cli.ok("files", "get", ID, "/srv/a", "-").raw == DATA
    (cli.home / "there").write_bytes(b"old")
    (cli.home / "folder").mkdir()
    for local, target in [("here", "here"), ("there", "there"), ("folder", "folder/a"), (".", "a")]:
        assert not cli.ok("files", "get", ID, "/srv/a", local).raw
        assert (cli.home / target).read_bytes() == DATA
    umask = os.umask(0)
    os.umask(umask)
    assert (cli.home / "here").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("answer", [
    Answer(b"", pieces=iter([DATA]), cut=True, type="application/octet-stream"), problem(404, "route/not-found", "No such file."),
])
def test_a_file_that_does_not_come_whole_leaves_nothing(cli, api, answer):
    (cli.home / "there").write_bytes(b"old")
    api.answers[f"GET {S}/files"] = answer
    cli.fails(1, "files", "get", ID, "/srv/a", "there")
    assert sorted(path.name for path in cli.home.iterdir()) == ["there"] and (cli.home / "there").read_bytes() == b"old"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_download_that_is_interrupted_leaves_nothing(cli, api, number):
    def pieces():
        while not api.gone.is_set():
            yield b"x"
            api.gone.wait(0.01)

    api.answers[f"GET {S}/files"] = lambda request: Answer(b"", pieces=pieces(), type="application/octet-stream")
    process = cli.start("files", "get", ID, "/srv/a", "here")
    wait_until(lambda: any(path.stat().st_size for path in cli.home.iterdir()), "the first bytes")
    process.send_signal(number)
    assert process.wait(DEADLINE) == -number
    process.communicate()
    assert not list(cli.home.iterdir())


def test_a_file_cannot_be_put_where_it_should_go(cli, api):
    api.answers[f"GET {S}/files"] = Answer(DATA, type="application/octet-stream")
    assert "No such file" in cli.fails(1, "files", "get", ID, "/a", "nowhere/a").stderr
    with open("/dev/full", "wb") as full:
        process = cli.start("files", "get", ID, "/a")
        process.communicate(timeout=30)
        process = subprocess.Popen([BINARY, "files", "get", ID, "/a"], env=cli.environment(), stdout=full, stderr=subprocess.PIPE)
        assert b"No space left" in process.communicate(timeout=30)[1] and process.returncode == 1


def test_a_file_goes_in(cli, api):
    api.answers[f"PUT {S}/files"] = lambda request: {"path": request.query["path"], "sizeBytes": len(request.body)}
    (cli.home / "local").write_bytes(DATA)
    assert cli.ok("files", "put", ID, "local", "/srv/x").stdout == "/srv/x is there (250 KiB)\n"
    assert api.request.body == DATA and api.request.headers["Content-Length"] == str(len(DATA))
    assert api.request.headers["Content-Type"] == "application/octet-stream"
    for stdin in [DATA, b""]:
        cli.ok("files", "put", ID, "-", "/srv/x", stdin=stdin)
        assert api.requests[-1].body == stdin and api.requests[-1].headers["Transfer-Encoding"] == "chunked"
    cli.ok("files", "put", ID, "local", "/srv/x", "--json")
    cli.fails(1, "files", "put", ID, "nothing", "/srv/x")
    cli.fails(2, "files", "put", ID, ".", "/srv/x")


@pytest.mark.parametrize("arguments", [["local"], ["-"]])
def test_a_refusal_ends_an_upload(cli, api, arguments):
    """The API answers before it has read everything, and reads no more."""
    api.answers["early"] = problem(413, "request/body-too-large", "At most 1 MiB.")
    with open(cli.home / "local", "wb") as file:
        file.truncate(4 << 30)
    with open(cli.home / "local", "rb") as file:
        process = cli.start("files", "put", ID, *arguments, "/srv/x", stdin=file)
        stderr = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 1 and stderr == "porthole: At most 1 MiB. (413 request/body-too-large)\n"


# Events


def numbered(first, last, **members):
    return [{"id": id, "type": "exposed", "at": AT, "sandboxId": ID, "port": 3000, **members} for id in range(first, last + 1)]


def frames(events):
    return [event(item["type"], item, item["id"]) for item in events]


def test_past_events(cli, api):
    kept = numbered(1, 2500)
    kept[0] = {"id": 1, "type": "denied", "at": AT, "sandboxId": ID, "port": 3000, "count": 3, "client": "192.0.2.1", "link": None}

    def answer(request):
        assert request.query["format"] == "json"
        after, limit = int(request.query["after"]), int(request.query["limit"])
        wanted = [item for item in kept if request.query.get("type") in (None, item["type"])]
        page = [item for item in wanted if item["id"] > after][:limit]
        return {"events": page, "next": page[-1]["id"] if len(page) == limit else None}

    api.answers["GET /v1/events"] = answer
    lines = cli.ok("events").stdout.splitlines()
    assert len(lines) == 2500 and len(api.requests) == 3
    assert lines[0] == f"2026-11-25T10:16:35Z  denied        {ID}:3000  count=3  client=192.0.2.1"
    assert lines[1] == f"2026-11-25T10:16:35Z  exposed       {ID}:3000"
    assert [json.loads(line) for line in cli.ok("events", "--json").stdout.splitlines()] == kept
    lines = cli.ok("events", "--after", "10", "--limit", "2", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [11, 12]
    cli.ok("events", "--sandbox", ID, "--type", "exposed", "--limit", "1")
    assert api.requests[-1].query == {"format": "json", "after": "0", "limit": "1", "sandbox": ID, "type": "exposed"}
    # The API takes one type; several are looked through here.
    lines = cli.ok("events", "--type", "denied", "--type", "closed", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1] and "type" not in api.requests[-1].query


def test_a_page_of_events_may_be_empty(cli, api):
    pages = {"0": ([], 500), "500": (numbered(600, 600), 700), "700": ([], None)}
    api.answers["GET /v1/events"] = lambda request: dict(zip(["events", "next"], pages[request.query["after"]]))
    assert len(cli.ok("events").stdout.splitlines()) == 1
    api.answers["GET /v1/events"] = {"events": [], "next": 0}
    assert not cli.ok("events").stdout


def test_events_are_followed_over_connections_that_end(cli, api):
    answers = iter([
        stream(*frames(numbered(5, 6))),
        Answer(b"", 503), stream(*frames(numbered(7, 7)), cut=True),
        stream(b": hello\n\n", event("gap", {"after": 7, "from": 8}), *frames(numbered(9, 12))),
    ])
    api.answers["GET /v1/events"] = lambda request: next(answers)
    result = cli("events", "--follow", "--after", "4", "--limit", "5", "--json", "--type", "exposed")
    assert result.status == 0
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [5, 6, 7, 9, 10]
    assert [request.headers["Last-Event-ID"] for request in api.requests] == ["4", "6", "6", "7"]
    assert all(request.query == {"type": "exposed"} for request in api.requests)
    assert result.stderr.count("trying again") == 2 and "some are missing" in result.stderr


def test_events_are_shown_as_they_come(cli, api):
    def pieces():
        yield from frames(numbered(1, 1))
        while not api.gone.is_set():
            yield b": keep-alive\n\n"
            api.gone.wait(0.01)

    api.answers["GET /v1/events"] = lambda request: Answer(b"", pieces=pieces(), type="text/event-stream")
    process = cli.start("events", "--follow")
    assert b"exposed" in process.stdout.readline()
    assert "Last-Event-ID" not in api.request.headers
    process.terminate()
    process.communicate(timeout=30)
    wait_until(api.gone.is_set, "the end of the connection")


def test_events_of_several_types_are_followed(cli, api):
    events = [{**item, "type": type} for item, type in zip(numbered(1, 4), ["closed", "denied", "exposed", "closed"])]
    api.answers["GET /v1/events"] = lambda request: stream(*frames(events))
    lines = cli.ok("events", "--follow", "--type", "exposed", "--type", "closed", "--limit", "3", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 3, 4] and api.request.query == {}


@pytest.mark.parametrize("answers,status", [
    ([problem(401, "auth/unauthenticated", "No.")], 1), ([{"events": []}], 1),
    ([stream(), problem(403, "auth/forbidden", "No.")], 1),
])
def test_events_that_are_refused(cli, api, answers, status):
    left = iter(answers)
    api.answers["GET /v1/events"] = lambda request: next(left)
    cli.fails(status, "events", "--follow")
