"""The commands that ask the control API, against one that answers as told (`fake_api`): what they ask, what they print,
what they refuse. Those whose bodies stream are in test_cli_streams.py."""

import json
import os
import shlex
import subprocess
import threading

import pytest

from cli_kit import AT, EXPOSURE, ID, KEY, LINK, S, SANDBOX, api, cli, nobody  # noqa: F401 (fixtures)
from fake_api import Answer, FakeAPI, problem, tls_context
from harness import DEADLINE, Porthole, certificates

# Every command: what it asks, and that it prints what it got

NO_BODY = object()

CALLS = [
    # arguments, method, path, query, body, answer
    ("sandbox create", "POST", "/v1/sandboxes", {}, {}, {**SANDBOX, "token": "pht_x"}),
    ("sandbox create --image a --name n --vcpus 2 --memory 2GiB --disk 512 --timeout 15m --on-timeout pause"
     " --network-profile open --env A=1=2 --env B= --ingress open --allow-port 80 --allow-port 3000 --wake",
     "POST", "/v1/sandboxes", {},
     {"image": "a", "name": "n", "vcpus": 2, "memMiB": 2048, "diskMiB": 512, "timeoutSec": 900, "onTimeout": "pause",
      "networkProfile": "open", "env": {"A": "1=2", "B": ""},
      "ingress": {"mode": "open", "allowPorts": [80, 3000], "wake": True}}, SANDBOX),
    ("sandbox create --timeout none --no-wait", "POST", "/v1/sandboxes", {}, {"timeoutSec": 0, "wait": False}, SANDBOX),
    ("sandbox list", "GET", "/v1/sandboxes", {"limit": "1000"}, NO_BODY, {"sandboxes": [SANDBOX], "next": None}),
    (f"sandbox info {ID}", "GET", S, {}, NO_BODY, SANDBOX),
    (f"sandbox pause {ID}", "POST", S + "/pause", {}, NO_BODY, {**SANDBOX, "status": "paused"}),
    (f"sandbox resume {ID}", "POST", S + "/resume", {}, NO_BODY, SANDBOX),
    (f"sandbox hibernate {ID}", "POST", S + "/hibernate", {}, NO_BODY, {**SANDBOX, "status": "hibernated"}),
    (f"sandbox snapshot {ID}", "POST", S + "/snapshots", {}, NO_BODY,
     {"id": "snp1", "sandboxId": ID, "runId": ID, "sizeBytes": 1572864, "createdAt": AT}),
    ("sandbox restore snp/1 --name n --timeout 60 --on-timeout pause --allow-port 3000", "POST", "/v1/snapshots/snp%2F1/restore", {},
     {"name": "n", "timeoutSec": 60, "onTimeout": "pause", "ingress": {"allowPorts": [3000]}}, SANDBOX),
    (f"sandbox fork {ID} --count 2", "POST", S + "/fork", {}, {"count": 2}, {"sandboxes": [SANDBOX, SANDBOX]}),
    (f"sandbox destroy {ID}", "DELETE", S, {}, NO_BODY,
     {"id": ID, "status": "terminated", "cpuMs": 1500, "memPeakBytes": 1 << 30, "uptimeMs": 90_061_000}),
    (f"sandbox timeout {ID} 1h30m", "POST", S + "/timeout", {}, {"seconds": 5400}, SANDBOX),
    (f"sandbox timeout {ID} none", "POST", S + "/timeout", {}, {"seconds": 0}, SANDBOX),
    (f"sandbox token {ID} --rotate", "POST", S + "/token/rotate", {}, NO_BODY, {"id": ID, "token": "pht_new"}),
    ("snapshot list", "GET", "/v1/snapshots", {"limit": "1000"}, NO_BODY,
     {"snapshots": [{"id": "snp1", "sandboxId": ID, "sizeBytes": 10, "createdAt": AT}], "next": None}),
    ("snapshot delete snp1", "DELETE", "/v1/snapshots/snp1", {}, NO_BODY, {"id": "snp1", "status": "deleted"}),
    (f"expose {ID} 3000", "POST", S + "/ports", {}, {"port": 3000}, EXPOSURE),
    (f"expose {ID} 3000 --name app --auth token --ttl 1d --allow-ip 192.0.2.0/24 --allow-ip ::1 --host localhost"
     " --protocol h2c --embed-origin https://a.test --wake --no-keep-alive", "POST", S + "/ports", {},
     {"port": 3000, "name": "app", "auth": "token", "ttl": 86400, "allowIPs": ["192.0.2.0/24", "::1"],
      "host": "localhost", "protocol": "h2c", "embedOrigins": ["https://a.test"], "wake": True, "keepAlive": False},
     {**EXPOSURE, "auth": "token", "browserUrl": "https://x/.porthole/auth?grant=g", "browserUrlExpiresAt": AT}),
    (f"ports {ID}", "GET", S + "/ports", {"limit": "1000"}, NO_BODY, {"ports": [EXPOSURE], "next": None}),
    (f"close {ID} 3000", "DELETE", S + "/ports/3000", {}, NO_BODY, {"port": 3000, "status": "closed"}),
    (f"wait {ID} 3000", "POST", S + "/ports/3000/wait", {}, {},
     {"ready": True, "port": 3000, "elapsedMs": 1234, "attempts": 5}),
    (f"wait {ID} 3000 --http --path /up --status 200-299 --timeout 2m --interval 500ms", "POST",
     S + "/ports/3000/wait", {},
     {"mode": "http", "path": "/up", "status": "200-299", "timeoutMs": 120000, "intervalMs": 500},
     {"ready": True, "port": 3000, "elapsedMs": 1234, "attempts": 5, "status": 204}),
    (f"wait {ID} 3000 --status 204", "POST", S + "/ports/3000/wait", {}, {"mode": "http", "status": 204},
     {"ready": True, "port": 3000, "elapsedMs": 1234, "attempts": 5, "status": 204}),
    (f"links create {ID} 3000 --ttl 2h --once --path-prefix /docs --method get --allow-ip 10.0.0.0/8 --name n --next /docs/a",
     "POST", S + "/ports/3000/links", {},
     {"ttl": 7200, "once": True, "pathPrefix": "/docs", "methods": ["GET"], "allowIPs": ["10.0.0.0/8"], "name": "n",
      "next": "/docs/a"}, {**LINK, "url": "https://x/.porthole/auth?grant=g"}),
    (f"links list {ID} 3000", "GET", S + "/ports/3000/links", {"limit": "1000"}, NO_BODY,
     {"links": [LINK], "next": None}),
    (f"links revoke {ID} 3000 lnk0123456789abcdef", "DELETE", S + "/ports/3000/links/lnk0123456789abcdef", {}, NO_BODY,
     {"id": "lnk0123456789abcdef", "status": "revoked"}),
    ("keys create ci", "POST", "/v1/keys", {}, {"name": "ci"}, {"id": "key1", "name": "ci", "key": "phk_made"}),
    ("keys list", "GET", "/v1/keys", {}, NO_BODY,
     {"keys": [{"id": "key1", "name": "ci", "createdAt": AT, "lastUsedAt": None, "revokedAt": None}]}),
    ("keys revoke key1", "DELETE", "/v1/keys/key1", {}, NO_BODY, {"id": "key1", "status": "revoked"}),
    ("usage", "GET", "/v1/usage", {}, NO_BODY,
     {"activeSandboxes": 2, "historySandboxes": 7, "cpuSeconds": 12.25, "memSeconds": 1e3, "uptimeSeconds": 86461,
      "asOf": AT}),
    ("history", "GET", "/v1/history", {"limit": "1000"}, NO_BODY,
     {"history": [{"id": ID, "image": "a", "vcpus": 1, "memMiB": 1, "createMs": 1, "createdAt": AT, "destroyedAt": AT,
                   "uptimeMs": 61000, "cpuMs": 1500, "memPeakBytes": 2048}], "next": None}),
    (f"files put {ID} /dev/null /a/b", "PUT", S + "/files", {"path": "/a/b"}, NO_BODY, {"path": "/a/b", "sizeBytes": 0}),
    (f"files put {ID} /dev/null a --mode 0755", "PUT", S + "/files", {"path": "a", "mode": "0755"}, NO_BODY,
     {"path": "a", "sizeBytes": 0}),
    (f"files list {ID} /srv", "GET", S + "/dir", {"path": "/srv"}, NO_BODY,
     {"entries": [{"name": "a b", "type": "file", "sizeBytes": 5, "mode": "644", "modifiedAt": AT}]}),
    (f"files remove {ID} '/a b&c=d' --recursive", "DELETE", S + "/files", {"path": "/a b&c=d", "recursive": "true"},
     NO_BODY, {"path": "/a b&c=d", "status": "removed"}),
    (f"ps start {ID} --cwd /srv --name web --env A=1 -- sleep 60", "POST", S + "/processes", {},
     {"command": "sleep 60", "cwd": "/srv", "name": "web", "env": {"A": "1"}},
     {"pid": 7, "command": "sleep 60", "status": "running", "startedAt": AT}),
    (f"ps list {ID}", "GET", S + "/processes", {}, NO_BODY,
     {"processes": [{"pid": 7, "command": "sleep 60", "status": "exited", "exitCode": 0, "startedAt": AT}], "next": None}),
    (f"ps stop {ID} 7", "DELETE", S + "/processes/7", {}, NO_BODY, {"pid": 7, "status": "exited"}),
    ("explain --live https://a.test/", "GET", "/v1/explain", {"url": "https://a.test/"}, NO_BODY,
     {"url": "https://a.test/", "forwarded": True, "steps": [{"name": "url", "outcome": "passed", "detail": "fine"}]}),
]


@pytest.mark.parametrize("arguments,method,path,query,body,answer", CALLS, ids=[call[0] for call in CALLS])
def test_each_command_asks_for_what_it_was_told(cli, api, arguments, method, path, query, body, answer):
    api.answers[f"{method} {path}"] = answer
    people = cli.ok(*shlex.split(arguments))
    request = api.request
    assert (request.method, request.path, request.query) == (method, path, query)
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["User-Agent"].startswith("porthole/")
    if body is NO_BODY:
        assert not request.body
    else:
        assert request.json == body and request.headers["Content-Type"] == "application/json"
    assert people.stdout.strip() and not people.stdout.startswith("{")

    words = shlex.split(arguments)
    place = words.index("--") if "--" in words else len(words)
    printed = cli.ok(*words[:place], "--json", *words[place:])
    # As it came: the same members in the same order, the same digits.
    assert printed.stdout == json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


# What people see


def test_what_people_see_of_a_sandbox(cli, api):
    api.answers["POST /v1/sandboxes"] = {**SANDBOX, "token": "pht_x"}
    assert cli.ok("sandbox", "create").stdout == f"""\
id             {ID}
name           web
status         running
image          python:3.12-slim
size           2 CPUs, 1.5 GiB memory, 4 GiB disk
network        default
ingress        published, only ports 3000,8080
timeout        15m without activity, then pause
variables      A,B
created        2026-11-25T10:16:35Z
ports          1
URL of a port  https://{{port}}-{ID}.preview.localhost:8443/
its own API    https://{ID}.preview.localhost:8443/
runner         memory
token          pht_x   (shown only now)
"""
    assert cli.ok("sandbox", "create", "--quiet").stdout == f"{ID}\n"


def test_what_people_see_of_a_list(cli, api):
    api.answers["GET /v1/sandboxes"] = {"sandboxes": [SANDBOX, {**SANDBOX, "name": None, "status": "paused"}], "next": None}
    assert cli.ok("sandbox", "list").stdout == f"""\
ID                       STATUS   IMAGE             PORTS  CREATED               NAME
{ID}  running  python:3.12-slim  1      2026-11-25T10:16:35Z  web
{ID}  paused   python:3.12-slim  1      2026-11-25T10:16:35Z  -
"""
    api.answers["GET /v1/sandboxes"] = {"sandboxes": [], "next": None}
    assert cli.ok("sandbox", "list").rows == [["ID", "STATUS", "IMAGE", "PORTS", "CREATED", "NAME"]]


@pytest.mark.parametrize("arguments,answer,expected", [
    (f"sandbox destroy {ID}", {"id": ID, "status": "terminated", "cpuMs": 1500, "memPeakBytes": 1 << 30, "uptimeMs": 90_061_000},
     f"{ID} is terminated (up 1d 1h, CPU 1.500s, memory at most 1 GiB)\n"),
    (f"sandbox token {ID} --rotate", {"id": ID, "token": "pht_new"}, "pht_new\n"),
    (f"sandbox url {ID}", SANDBOX, SANDBOX["runtimeUrl"] + "\n"),
    (f"sandbox url {ID} 5000", SANDBOX, f"https://5000-{ID}.preview.localhost:8443/\n"),
    (f"sandbox url {ID} 3000 --browser", {**EXPOSURE, "browserUrl": "https://x/?grant=g"}, "https://x/?grant=g\n"),
    (f"sandbox url {ID} 3000 --browser", EXPOSURE, EXPOSURE["url"] + "\n"),
    (f"wait {ID} 3000 --http", {"ready": True, "port": 3000, "elapsedMs": 1250, "attempts": 5, "status": 204},
     f"port 3000 of {ID} answers with 204 (1.250s)\n"),
    ("keys create ci --quiet", {"id": "key1", "name": "ci", "key": "phk_made"}, "phk_made\n"),
    ("usage", {"activeSandboxes": 2, "historySandboxes": 7, "cpuSeconds": 12.25, "memSeconds": 1000.4,
               "uptimeSeconds": 86461, "asOf": AT},
     "sandboxes  2\nended      7\nuptime     1d 1m\nCPU time   12.250s\nmemory     1000 GiB s\nas of      2026-11-25T10:16:35Z\n"),
])
def test_what_people_see_of_other_answers(cli, api, arguments, answer, expected):
    for method in ["GET", "POST", "DELETE"]:
        for path in [S, S + "/token/rotate", S + "/ports/3000", S + "/ports/3000/wait", "/v1/keys", "/v1/usage"]:
            api.answers[f"{method} {path}"] = answer
    assert cli.ok(*arguments.split()).stdout == expected


def test_a_list_of_ports_shows_no_browser_url(cli, api):
    api.answers[f"GET {S}/ports"] = {"ports": [{**EXPOSURE, "auth": "token", "browserUrl": "https://x/?grant=secret"}], "next": None}
    assert "grant" not in cli.ok("ports", ID).stdout


def test_control_characters_of_others_are_made_visible(cli, api):
    name = "\x1b[2J\rroot\n\x9b1m\u202eok"
    api.answers["GET /v1/sandboxes"] = {"sandboxes": [{**SANDBOX, "name": name}], "next": None}
    lines = cli.ok("sandbox", "list").stdout.splitlines()
    assert len(lines) == 2 and lines[1].endswith("\\u{1b}[2J\\rroot\\n\\u{9b}1m\\u{202e}ok")
    printed = cli.ok("sandbox", "list", "--json")
    assert "\x1b" not in printed.stdout and "\x9b" not in printed.stdout
    assert printed.json["sandboxes"][0]["name"] == name
    api.answers[f"GET {S}"] = problem(404, "route/not-found", "no\x1b[2J such")
    assert "\x1b" not in cli.fails(1, "sandbox", "info", ID).stderr


def test_json_keeps_digits_and_order(cli, api):
    text = b'{"z":1.0,"a":1e3,"big":12345678901234567890,"u":"\\u00e9\\ud83d\\ude00\\/","z":null,"l":[],"o":{}}'
    api.answers[f"GET {S}"] = Answer(text)
    assert cli.ok("sandbox", "info", ID, "--json").stdout == (
        '{\n  "z": 1.0,\n  "a": 1e3,\n  "big": 12345678901234567890,\n  "u": "é😀/",\n  "z": null,\n  "l": [],\n  "o": {}\n}\n')


# Pages


def pages(count):
    """A list of `count` sandboxes, given as many at once as are asked for."""
    def answer(request):
        start = int(request.query.get("cursor", "c0")[1:])
        end = min(start + min(int(request.query["limit"]), 1000), count)
        items = [{**SANDBOX, "id": f"s{index}"} for index in range(start, end)]
        return {"sandboxes": items, "next": f"c{end}" if end < count else None}
    return answer


@pytest.mark.parametrize("count,limit,expected,asked", [
    (2500, None, 2500, ["1000", "1000", "1000"]), (1000, None, 1000, ["1000"]), (2500, 1001, 1001, ["1000", "1"]),
    (5, 3, 3, ["3"]), (3, 5, 3, ["5"]), (0, None, 0, ["1000"]),
])
def test_lists_follow_their_pages(cli, api, count, limit, expected, asked):
    api.answers["GET /v1/sandboxes"] = pages(count)
    arguments = ["--limit", str(limit)] if limit else []
    rows = cli.ok("sandbox", "list", *arguments).rows[1:]
    assert [row[0] for row in rows] == [f"s{index}" for index in range(expected)]
    assert [request.query["limit"] for request in api.requests] == asked
    printed = cli.ok("sandbox", "list", "--json", *arguments).json
    assert len(printed["sandboxes"]) == expected
    assert printed["next"] == (f"c{expected}" if expected < count else None)


@pytest.mark.parametrize("answer", [
    {"sandboxes": [SANDBOX], "next": "same"}, {"sandboxes": [], "next": "c1"}, {"items": []}, [], "text", {"sandboxes": {}},
])
def test_a_list_that_is_none_does_not_go_on_for_ever(cli, api, answer):
    api.answers["GET /v1/sandboxes"] = answer
    cli.fails(1, "sandbox", "list")
    assert len(api.requests) <= 2


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_is_a_number(cli, limit):
    cli.fails(2, "sandbox", "list", f"--limit={limit}")


# Refusals


@pytest.mark.parametrize("answer,status,expected", [
    (problem(401, "auth/unauthenticated", "No such key."), 1,
     "porthole: No such key. (401 auth/unauthenticated)\n  The key came from PORTHOLE_API_KEY.\n"),
    (problem(404, "route/not-found", "There is no sandbox of that id."), 1,
     "porthole: There is no sandbox of that id. (404 route/not-found)\n"),
    (problem(422, "request/invalid-body", "Two fields are wrong.",
             errors=[{"path": "ports[0].ttl", "message": "expected a number"}, {"path": "", "message": "too large"}]), 2,
     "porthole: Two fields are wrong. (422 request/invalid-body)\n  ports[0].ttl: expected a number\n  too large\n"),
    (problem(422, "request/invalid-body", "the body has one mistake: port: expected a number",
             errors=[{"path": "port", "message": "expected a number"}]), 2,
     "porthole: the body has one mistake: port: expected a number (422 request/invalid-body)\n"),
    (problem(501, "runner/unsupported", "Not here.", capability="pause"), 1,
     "porthole: Not here. (501 runner/unsupported)\n  The runner lacks the capability pause.\n  Request 01JDREQUEST.\n"),
    (problem(503, "limit/exhausted", "Full.", retryAfter=5), 1,
     "porthole: Full. (503 limit/exhausted)\n  Try again after 5 s.\n  Request 01JDREQUEST.\n"),
    (problem(409, "conflict/state", "It is paused."), 1, "porthole: It is paused. (409 conflict/state)\n"),
    (problem(410, "lifecycle/terminated", "It has ended."), 1, "porthole: It has ended. (410 lifecycle/terminated)\n"),
    (Answer(b"<h1>no</h1>", 403, type="text/html"), 1,
     "porthole: {url} answered without saying why; is it Porthole's control API? (403)\n"),
    (Answer(b"", 404, {"Porthole-Error": "route/not-found"}), 1,
     "porthole: {url} answered without saying why; is it Porthole's control API? (404 route/not-found)\n"),
    (Answer(b"", 301, {"Location": "https://x/"}), 1,
     "porthole: {url} redirects to https://x/; redirects are not followed, name the right URL with --api (301)\n"),
    (Answer(b"<h1>hello</h1>", type="text/html"), 1,
     "porthole: what {url} answered is no JSON; is it Porthole's control API? (200)\n"),
    (Answer(b'{"id": 1', cut=True), 1, "porthole: 127.0.0.1:{port} ended the connection before its answer was over\n"),
])
def test_a_refusal_says_what_to_do(cli, api, answer, status, expected):
    api.answers[f"GET {S}"] = answer
    result = cli.fails(status, "sandbox", "info", ID)
    assert result.stderr == expected.format(url=api.url, port=api.port) and not result.stdout
    assert len(api.requests) == 1  # A redirect is not followed: the key would go with it.
    result = cli.fails(status, "sandbox", "info", ID, "--json")
    if answer.type == "application/problem+json":
        assert result.json == json.loads(answer.body)
    else:
        assert not result.stdout


def test_what_is_exposed_already_is_shown(cli, api):
    answer = problem(409, "conflict/already-exposed", f"Port 3000 is already exposed at {EXPOSURE['url']}.", exposure=EXPOSURE)
    api.answers[f"POST {S}/ports"] = answer
    assert EXPOSURE["url"] in cli.fails(1, "expose", ID, "3000").stderr
    assert cli.fails(1, "expose", ID, "3000", "--json").json["exposure"] == EXPOSURE


def test_nobody_listening(cli, nobody):
    result = cli.fails(1, "sandbox", "list", "--api", f"http://127.0.0.1:{nobody}")
    assert result.stderr == (
        f"porthole: nothing listens on 127.0.0.1:{nobody}; is porthole serve or porthole up running? Set --api or PORTHOLE_API_URL\n")


@pytest.mark.parametrize("url", ["127.0.0.1:8440", "ftp://a", "http://", "http://user:pw@a.test"])
def test_a_url_that_is_none(cli, url):
    assert "--api: " in cli.fails(2, "sandbox", "list", "--api", url).stderr
    assert "PORTHOLE_API_URL: " in cli.fails(2, "sandbox", "list", env={"PORTHOLE_API_URL": url}).stderr


def test_the_option_wins_over_the_variable(cli, api, nobody):
    api.answers["GET /v1/sandboxes"] = {"sandboxes": [], "next": None}
    cli.ok("sandbox", "list", "--api", api.url, env={"PORTHOLE_API_URL": f"http://127.0.0.1:{nobody}"})


@pytest.mark.parametrize("arguments", [
    "sandbox info", "sandbox info ../x", "sandbox info UPPER", f"sandbox info {'a' * 58}", f"expose {ID} 0", f"expose {ID} 65536",
    f"expose {ID} x", f"expose {ID} 3000 --ttl 5x", f"expose {ID} 3000 --ttl 1.5s", f"expose {ID} 3000 --auth maybe",
    f"wait {ID} 3000 --status 99", f"wait {ID} 3000 --status 300-200", f"wait {ID} 3000 --status 200-", f"sandbox token {ID}",
    f"sandbox url {ID} --browser", "sandbox create --memory 5GB", "sandbox create --env =x", "sandbox create --env NOT_SET_HERE",
    f"sandbox exec {ID}", f"sandbox exec {ID} --", f"sandbox exec {ID} ls", f"ps logs {ID} 1 --follow --json", f"ps stop {ID} x", f"files put {ID} /dev/null a --mode 888",
    "keys revoke phk_secret", "sandbox create --idempotency-key ''", "explain --live --config x a.test", "sandbox nonsense",
])
def test_wrong_usage(cli, api, arguments):
    cli.fails(2, *shlex.split(arguments))
    assert not api.requests


def test_a_key_that_is_given_for_its_id_is_not_repeated(cli):
    cli.fails(2, "keys", "revoke", KEY)


# Keys


def write_key(path, text=KEY + "\n", mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def usual(cli):
    return cli.home / ".config" / "porthole" / "key"


def used_key(api):
    return api.requests[-1].headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def listing(cli, api):
    api.answers["GET /v1/sandboxes"] = {"sandboxes": [], "next": None}
    return lambda *arguments, **keywords: cli.ok("sandbox", "list", *arguments, **keywords)


def test_the_key_is_found_in_order(cli, api, listing):
    option = write_key(cli.home / "other", "phk_option")
    write_key(usual(cli), "  phk_usual\n\n")
    listing("--key-file", str(option))
    assert used_key(api) == "phk_option"
    listing()
    assert used_key(api) == KEY
    cli.key = None
    listing()
    assert used_key(api) == "phk_usual"
    listing(env={"PORTHOLE_API_KEY": ""})
    assert used_key(api) == "phk_usual"


def test_no_key(cli, api):
    cli.key = None
    result = cli.fails(2, "sandbox", "list")
    for way in ["PORTHOLE_API_KEY", "--key-file", "~/.config/porthole/key"]:
        assert way in result.stderr
    assert not api.requests


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604, 0o601])
def test_a_key_that_others_may_read_is_not_used(cli, api, mode):
    path = write_key(usual(cli), mode=mode)
    cli.key = None
    assert f"chmod 600" in cli.fails(2, "sandbox", "list").stderr
    assert f"chmod 600" in cli.fails(2, "sandbox", "list", "--key-file", str(path)).stderr
    assert not api.requests


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_of_ones_own_is_used(cli, api, listing, mode):
    write_key(usual(cli), mode=mode)
    cli.key = None
    listing()
    assert used_key(api) == KEY


@pytest.mark.parametrize("text", ["", " \n", "two words", "line\nline", "k\x01", "é", "k" * 513, "k" * 5000])
def test_what_is_no_key_is_not_repeated(cli, api, text):
    result = cli.fails(2, "sandbox", "list", "--key-file", str(write_key(cli.home / "k", text)))
    assert "kkk" not in result.stderr and "words" not in result.stderr.replace("one word", "")
    if text.strip():
        result = cli.fails(2, "sandbox", "list", env={"PORTHOLE_API_KEY": text})
        assert "kkk" not in result.stderr
    assert not api.requests


def test_a_key_file_that_is_not_there(cli, api):
    assert "No such file" in cli.fails(2, "sandbox", "list", "--key-file", str(cli.home / "none")).stderr
    assert "folder" in cli.fails(2, "sandbox", "list", "--key-file", str(cli.home)).stderr
    assert not api.requests


def test_a_key_from_a_pipe(cli, api, listing):
    reading, writing = os.pipe()
    os.write(writing, KEY.encode())
    os.close(writing)
    process = cli.start("sandbox", "list", "--key-file", f"/dev/fd/{reading}", pass_fds=[reading], env={"PORTHOLE_API_KEY": "x"})
    os.close(reading)
    process.communicate(timeout=30)
    assert process.returncode == 0 and used_key(api) == KEY


def test_nothing_secret_is_on_a_command_line(cli, api):
    """What `ps` shows while a request is under way, of the key and of a variable that is passed on by name."""
    seen = []
    started = threading.Event()
    process = None

    def answer(request):
        started.wait(DEADLINE)
        children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
        for pid in [str(process.pid), *children]:
            seen.append(open(f"/proc/{pid}/cmdline", "rb").read())
        return SANDBOX

    api.answers["POST /v1/sandboxes"] = answer
    process = cli.start("sandbox", "create", "--env", "DEPLOY_TOKEN", env={"DEPLOY_TOKEN": "hush"})
    started.set()
    assert process.communicate(timeout=30) and process.returncode == 0
    assert api.request.json["env"] == {"DEPLOY_TOKEN": "hush"}
    assert len(seen) == 1 and b"DEPLOY_TOKEN" in seen[0] and b"hush" not in seen[0] and KEY.encode() not in seen[0]


def test_a_key_in_clear_over_a_network_is_remarked(cli):
    # 192.0.2.0/24 is nobody's; where there is no route the answer is quick, and elsewhere the connection takes its time.
    process = cli.start("sandbox", "list", "--api", f"http://192.0.2.1:1")
    line = process.stderr.readline().decode()
    process.kill()
    process.communicate()
    assert "the API key goes to 192.0.2.1 in clear" in line


def test_the_servers_own_commands_take_the_variables(cli, api):
    certificate, key = certificates().server
    (cli.home / "porthole.yaml").write_text(json.dumps({**Porthole.base(), "tls": [{"certificate": certificate, "key": key}]}))
    cli.ok("check", "--config", "porthole.yaml")


# TLS


def test_a_server_whose_authority_is_named(cli):
    pair = certificates().issue("api", ["api.preview.localhost"])
    with FakeAPI({"GET /v1/sandboxes": {"sandboxes": [SANDBOX], "next": None}}, tls=tls_context(*pair)) as api:
        url = f"https://api.preview.localhost:{api.port}"
        result = cli.fails(1, "sandbox", "list", "--api", url)
        assert "not to be trusted" in result.stderr and "--ca" in result.stderr
        assert not api.requests
        authority = certificates().authority[0]
        assert ID in cli.ok("sandbox", "list", "--api", url, "--ca", authority).stdout
        assert api.request.headers["Host"] == f"api.preview.localhost:{api.port}"
        # The same machine by a name that the certificate does not have.
        assert "not to be trusted" in cli.fails(
            1, "sandbox", "list", "--api", f"https://other.localhost:{api.port}", "--ca", authority).stderr
        assert "no-such-file" in cli.fails(2, "sandbox", "list", "--api", url, "--ca", "no-such-file").stderr


def test_https_where_there_is_none(cli, api):
    url = api.url.replace("http:", "https:")
    result = cli.fails(1, "sandbox", "list", "--api", url)
    assert "does not speak TLS" in result.stderr or "no TLS with" in result.stderr


# Several sandboxes


def test_one_that_fails_does_not_keep_the_others(cli, api):
    api.answers["DELETE /v1/sandboxes/a"] = {"id": "a", "status": "terminated"}
    api.answers["DELETE /v1/sandboxes/c"] = {"id": "c", "status": "terminated"}
    result = cli.fails(1, "sandbox", "destroy", "a", "b", "c")
    assert result.stdout == "a is terminated\nc is terminated\n"
    assert result.stderr.startswith("b: porthole: ")
    assert cli.fails(1, "sandbox", "destroy", "a", "b", "--json").stdout.count('"status"') == 2


def test_an_idempotency_key_goes_with_what_makes_something(cli, api):
    api.answers["POST /v1/sandboxes"] = SANDBOX
    cli.ok("sandbox", "create", "--idempotency-key", "build-42")
    assert api.request.headers["Idempotency-Key"] == "build-42"


# expose --wait, wait


def test_expose_and_wait(cli, api):
    api.answers[f"POST {S}/ports"] = EXPOSURE
    api.answers[f"POST {S}/ports/3000/wait"] = {"ready": True, "port": 3000, "elapsedMs": 1, "attempts": 1}
    assert cli.ok("expose", ID, "3000", "--wait").stdout.splitlines()[0] == f"URL   {EXPOSURE['url']}"
    assert [str(request) for request in api.requests] == [f"POST {S}/ports", f"POST {S}/ports/3000/wait"]
    api.answers[f"POST {S}/ports/3000/wait"] = problem(
        504, "runner/timeout", "Nothing answered on port 3000.", ready=False, attempts=9, lastError="refused")
    result = cli.fails(1, "expose", ID, "3000", "--wait")
    assert EXPOSURE["url"] in result.stdout and "Nothing answered on port 3000." in result.stderr
    assert cli.fails(1, "wait", ID, "3000", "--json").json["ready"] is False


# explain

LIVE = {
    "url": "https://3000-bench.preview.localhost/", "forwarded": False, "status": 503, "error": "lifecycle/paused",
    "steps": [{"name": "url", "outcome": "passed", "detail": "https"},
              {"name": "credential", "outcome": "note", "detail": "none needed"},
              {"name": "lifecycle", "outcome": "refused", "detail": "it sleeps"}],
}


@pytest.fixture
def configured(cli):
    (cli.home / "porthole.yaml").write_text(json.dumps(Porthole.base()))
    return cli


def test_explain_asks_a_porthole_that_runs(configured, api):
    api.answers["GET /v1/explain"] = LIVE
    result = configured("explain", LIVE["url"])
    assert (result.status, result.stderr) == (1, "")
    assert result.stdout == f"""\
{LIVE["url"]}   (says {api.url})
  ok    url        https
  note  credential none needed
  stop  lifecycle  it sleeps
Porthole answers it itself: 503 with Porthole-Error: lifecycle/paused.
"""
    assert api.request.query == {"url": LIVE["url"]}
    assert configured("explain", LIVE["url"], "--json").json == LIVE
    assert configured("explain", "--live", LIVE["url"], "--json").json == LIVE


def test_explain_goes_by_the_configuration_otherwise(configured, api, nobody):
    url = "https://3000-bench.preview.localhost/"
    api.answers["GET /v1/explain"] = LIVE
    for arguments, environment in [
        (["--config", "porthole.yaml"], {}), ([], {"PORTHOLE_API_KEY": ""}),
        ([], {"PORTHOLE_API_URL": f"http://127.0.0.1:{nobody}"}),
    ]:
        result = configured("explain", url, *arguments, env=environment)
        assert result.status == 0 and not result.stderr and "It is forwarded." in result.stdout
        assert configured("explain", url, *arguments, "--json", env=environment).json["forwarded"] is True
    assert not api.requests


def test_explain_says_when_it_could_not_ask(configured, api):
    url = "https://3000-bench.preview.localhost/"
    api.answers["GET /v1/explain"] = problem(401, "auth/unauthenticated", "No such key.")
    result = configured("explain", url)
    assert result.status == 0 and "It is forwarded." in result.stdout
    assert "No such key." in result.stderr and "what the configuration says" in result.stderr
    configured.fails(1, "explain", "--live", url)
    configured.fails(2, "explain", "--live", url, env={"PORTHOLE_API_KEY": ""})


# Help


def subcommands(cli, *path):
    text = cli.ok(*path, "--help").stdout
    names, inside = [], False
    for line in text.splitlines():
        if line.endswith("SUBCOMMANDS:"):
            inside = True
        elif inside and line.startswith("  ") and line[2] != " " and not line.startswith("  See "):
            names.append(line.split()[0])
    return text, [name for name in names if name != "help"]


def test_every_command_has_help_with_an_example(cli):
    _, top = subcommands(cli)
    assert {"sandbox", "snapshot", "expose", "ports", "close", "wait", "links", "events", "keys", "usage", "history", "files",
            "ps", "explain"} <= set(top)
    for name in top:
        if name in ["up", "serve", "check", "certs", "demo"]:
            continue
        text, below = subcommands(cli, name)
        for child in below or [None]:
            text = cli.ok(name, *([child] if child else []), "--help").stdout
            assert "Example" in text and f"porthole {name}" in text, (name, child)
            assert "--key-file" in text and "--api" in text and "--key " not in text, (name, child)
            if (name, child) != ("files", "get"):
                assert "--json" in text, (name, child)


def test_the_page_has_an_example_of_every_command(cli):
    page = open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "cli.md")).read()
    _, top = subcommands(cli)
    for name in top:
        _, below = subcommands(cli, name)
        for command in [f"{name} {child}" for child in below] or [name]:
            assert f"porthole {command}" in page, command


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(cli, shell):
    script = cli.ok("--generate-completion-script", shell).stdout
    assert "hibernate" in script and "embed-origin" in script
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=script.encode()).returncode == 0
