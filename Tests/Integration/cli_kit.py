"""What the tests of the command line share: the binary with a home of its own, and what an API would say."""

import json
import pathlib
import subprocess
import tempfile

import pytest

from fake_api import FakeAPI
from harness import Porthole, closed_port
from harness.porthole import BINARY

KEY = "phk_" + "k" * 43
ID = "sbx0123456789abcdefghij"
S = f"/v1/sandboxes/{ID}"
AT = "2026-11-25T10:16:35.123Z"

SANDBOX = {
    "id": ID, "name": "web", "status": "running", "image": "python:3.12-slim", "vcpus": 2, "memMiB": 1536,
    "diskMiB": 4096, "envNames": ["A", "B"], "networkProfile": "default",
    "ingress": {"mode": "published", "allowPorts": [3000, 8080], "wake": False}, "timeoutSec": 900,
    "onTimeout": "pause", "createMs": 12.5, "createdAt": AT, "runtimeUrl": f"https://{ID}.preview.localhost:8443/",
    "urlTemplate": f"https://{{port}}-{ID}.preview.localhost:8443/", "exposedPorts": 1, "runner": "memory",
}
EXPOSURE = {
    "port": 3000, "name": "app", "url": f"https://3000-{ID}.preview.localhost:8443/", "sandboxId": ID, "auth": "none",
    "ttl": None, "expiresAt": None, "allowIPs": [], "host": "public", "protocol": "http", "embedOrigins": [],
    "wake": False, "keepAlive": True, "createdAt": AT, "source": "api",
}
LINK = {
    "id": "lnk0123456789abcdef", "once": True, "pathPrefix": "/docs", "methods": ["GET"], "allowIPs": [],
    "name": "for ann", "createdAt": AT, "expiresAt": "2026-11-26T10:16:35.123Z", "lastUsedAt": None, "redeemedAt": None,
}


class Result:
    def __init__(self, status, stdout, stderr):
        self.status, self.raw, self.stdout, self.stderr = status, stdout, stdout.decode(errors="replace"), stderr.decode()

    @property
    def json(self):
        return json.loads(self.stdout)

    @property
    def rows(self):
        return [line.split() for line in self.stdout.splitlines()]

    def __repr__(self):
        return f"status {self.status}\n{self.stdout}\n-- stderr\n{self.stderr}"


class CLI:
    """Runs the binary with a home folder of its own. What it prints never has the key in it: every run is looked at."""

    def __init__(self, folder):
        self.home = folder
        self.api = None
        self.key = KEY
        self.allowed = set()

    def environment(self, changes=None):
        environment = Porthole.environment()
        for name in ["HOME", "XDG_CONFIG_HOME"]:
            environment.pop(name, None)
        environment["HOME"] = str(self.home)
        if self.key:
            environment["PORTHOLE_API_KEY"] = self.key
        if self.api:
            environment["PORTHOLE_API_URL"] = self.api.url
        environment.update(changes or {})
        return environment

    def start(self, *arguments, env=None, **keywords):
        # Not a line of Python's in between: signals reach the binary itself.
        return subprocess.Popen(
            [BINARY, *arguments], env=self.environment(env), cwd=self.home, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **{"stdin": subprocess.DEVNULL, **keywords})

    def __call__(self, *arguments, env=None, stdin=None):
        process = self.start(*arguments, env=env, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
        stdout, stderr = process.communicate(stdin, timeout=30)
        result = Result(process.returncode, stdout, stderr)
        assert KEY not in result.stdout + result.stderr, "the API key was printed"
        return result

    def ok(self, *arguments, **keywords):
        result = self(*arguments, **keywords)
        assert result.status == 0 and not result.stderr, result
        return result

    def fails(self, status, *arguments, **keywords):
        result = self(*arguments, **keywords)
        assert result.status == status and result.stderr, result
        return result


@pytest.fixture
def cli():
    with tempfile.TemporaryDirectory(prefix="porthole-cli-") as folder:
        yield CLI(pathlib.Path(folder))


@pytest.fixture
def nobody():
    """A port of 127.0.0.1 on which nothing listens, and nothing will while the test runs."""
    held, port = closed_port()
    with held:
        yield port


@pytest.fixture
def api(cli):
    """A fake API that `cli` talks to; say what it answers with `api.answers[...]`."""
    with FakeAPI() as made:
        cli.api = made
        yield made
        assert not made.errors
