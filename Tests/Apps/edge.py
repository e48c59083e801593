"""One Porthole for one test: certificates, configuration, process, and what a client needs to reach it."""
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

import pytest

DOMAIN = "preview.localhost"
# One that applications do not take for this machine; curl needs --resolve for it.
OTHER_DOMAIN = "preview.example"
SCRATCH = pathlib.Path(__file__).resolve().parent.parent.parent / ".scratch"

# The resolver of glibc does not know *.localhost (RFC 6761 §6.3); browsers and curl do.
_getaddrinfo = socket.getaddrinfo


def _loopback(host, *rest, **named):
    name = host.decode() if isinstance(host, bytes) else host
    return _getaddrinfo("127.0.0.1" if isinstance(name, str) and name.endswith(".localhost") else host, *rest, **named)


socket.getaddrinfo = _loopback


def need(*programs):
    """Skips the test unless these programs are installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Tests/Apps/README.md lists the Debian packages)")


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def until(what, check, seconds=30.0, every=0.05):
    """Waits for a condition; its value is returned, and an exception counts as "not yet"."""
    end = time.monotonic() + seconds
    problem = None
    while time.monotonic() < end:
        try:
            value = check()
            if value:
                return value
        except Exception as error:  # noqa: BLE001: whatever it is, it may pass
            problem = error
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what}" + (f"; last: {problem!r}" if problem else ""))


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Process:
    """A child in a group of its own, whose output is in a file."""

    def __init__(self, name, arguments, folder, environment=None):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name}.log"
        self._out = open(self.log, "wb")
        self.popen = subprocess.Popen(
            [str(one) for one in arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})}, start_new_session=True)

    def text(self):
        return self.log.read_text(errors="replace")

    def ready(self, port, seconds=60):
        def check():
            if self.popen.poll() is not None:
                pytest.fail(f"{self.name} ended with {self.popen.returncode}:\n{self.text()[-2000:]}")
            return listens(port)

        until(f"{self.name} on port {port}", check, seconds)
        return self

    def stop(self, kill=False):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait(10)
        self._out.close()


@functools.cache
def certificates():
    """A CA and a wildcard certificate for the domain, made once a day. (folder, base64 hash of the public key)"""
    folder = SCRATCH / "apps-certs"
    folder.mkdir(parents=True, exist_ok=True)
    chain = folder / "cert.pem"
    if not chain.exists() or time.time() - chain.stat().st_mtime > 86_400:
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "7", "-subj", "/CN=Porthole apps test",
                "-addext", "keyUsage=critical,keyCertSign")
        openssl("req", *key, "-keyout", "key.pem", "-out", "leaf.csr", "-subj", f"/CN={DOMAIN}")
        (folder / "leaf.cnf").write_text(f"subjectAltName=DNS:{DOMAIN},DNS:*.{DOMAIN},DNS:*.{OTHER_DOMAIN}\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "7", "-out",
                "leaf.pem", "-extfile", "leaf.cnf")
        chain.write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())
    public = subprocess.run(["openssl", "x509", "-in", chain, "-noout", "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public, check=True, capture_output=True).stdout
    import base64

    return folder, base64.b64encode(hashlib.sha256(der).digest()).decode()


class Edge:
    """A running Porthole with one open sandbox, `app`, on this machine.

    `ports` gives single ports another host policy or protocol: `{8888: {"host": "localhost"}}`.
    """

    def __init__(self, folder, ports=None, extra=""):
        self.folder = pathlib.Path(folder)
        certs, self.key_hash = certificates()
        self.ca = certs / "ca.pem"
        exposures = ", ".join(json.dumps({"port": port, **more}).replace('"', "") for port, more in (ports or {}).items())
        self.access_log = self.folder / "access.log"
        (self.folder / "porthole.yaml").write_text(f"""
domains: [{DOMAIN}, {OTHER_DOMAIN}]
listen:
  https: ["127.0.0.1:0"]
  http: ["127.0.0.1:0"]
  api: "127.0.0.1:0"
workers: 1
tls:
  - certificate: {certs}/cert.pem
    key: {certs}/key.pem
store: ":memory:"
log:
  access: json
  accessFile: {self.access_log}
runner:
  kind: static
  sandboxes:
    - id: app
      ingress: {{mode: open}}
      ports: [{exposures}]
{extra}
""")
        self.process = Process("porthole", [os.environ["APPS_BINARY"], "serve", "--config", "porthole.yaml"], folder)
        text = until("porthole to start", self._started, 10)
        self.port = int(re.search(r"https listening address=\S+:(\d+)", text)[1])
        self.api = int(re.search(r"api listening address=\S+:(\d+)", text)[1])

    def _started(self):
        text = self.process.text()
        if self.process.popen.poll() is not None:
            pytest.fail(f"porthole did not start:\n{text[-2000:]}")
        return text if " ready " in text else None

    def host(self, port):
        return f"{port}-app.{DOMAIN}"

    def url(self, port, path="/", scheme="https"):
        return f"{scheme}://{self.host(port)}:{self.port}{path}"

    def wss(self, port, path="/"):
        return self.url(port, path, "wss")

    def context(self, alpn=("http/1.1",)):
        context = ssl.create_default_context(cafile=str(self.ca))
        context.set_alpn_protocols(list(alpn))
        return context

    def curl(self, *arguments, check=True, **more):
        """curl resolves *.localhost by itself. Standard output as bytes."""
        got = subprocess.run(["curl", "-sS", "--cacert", self.ca, *map(str, arguments)], capture_output=True, **more)
        if check and got.returncode != 0:
            raise AssertionError(f"curl ended with {got.returncode}: {got.stderr.decode()}")
        return got.stdout if check else got

    def metric(self, name):
        """The sum of a series over workers, or of those whose labels match: `metric('porthole_tunnels_open')`."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.api}/metrics", timeout=10).read().decode()
        head, _, label = name.partition("{")
        label = label.rstrip("}")
        found = [line for line in text.splitlines() if re.match(re.escape(head) + r"[{ ]", line) and label in line]
        assert found, f"no metric {name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def memory(self):
        """Resident bytes."""
        return self.metric("process_resident_memory_bytes")

    def requests(self):
        """The access log so far."""
        if not self.access_log.exists():
            return []
        return [json.loads(line) for line in self.access_log.read_text().splitlines()]

    def stop(self):
        ended = self.process.popen.poll()
        self.process.stop()
        text = self.process.text()
        assert ended is None, f"porthole died ({ended}):\n{text[-3000:]}"
        assert "Fatal error" not in text and "precondition" not in text, text[-3000:]
