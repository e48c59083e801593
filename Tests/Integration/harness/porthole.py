"""The process under test."""

import functools
import json
import os
import re
import signal
import subprocess
import tempfile
import threading

from .certificates import certificates
from .client import RawClient
from .waiting import DEADLINE, wait_until

BINARY = os.environ.get("PORTHOLE_BINARY") or os.path.join(
    os.path.dirname(__file__), "..", "..", "..", ".build", "release", "porthole")

CRASH = re.compile(
    r"Fatal error|Precondition failed|fatalError|AddressSanitizer|ThreadSanitizer|UndefinedBehavior|LeakSanitizer"
    r"|Program crashed|Illegal instruction|Segmentation fault|stack smashing|double free|corrupted|Simultaneous accesses")


@functools.cache
def _is_sanitized():
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


class Crashed(AssertionError):
    pass


class Porthole:
    """Starts on free ports. Keyword arguments are merged over `base()`: sections by key, everything else whole."""

    def __init__(self, **changes):
        self.folder = tempfile.TemporaryDirectory(prefix="porthole-test-")
        self.path = os.path.join(self.folder.name, "porthole.yaml")
        self.configuration = self.base()
        self.configure(**changes)
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", self.path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.environment())
        self.stdout = []
        self.stderr = []
        self._threads = [
            threading.Thread(target=self._collect, args=(self.process.stdout, self.stdout), daemon=True),
            threading.Thread(target=self._collect, args=(self.process.stderr, self.stderr), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        try:
            self.wait_for_line(r"\bready\b")
        except AssertionError:
            self.process.kill()
            raise
        self.https_addresses = self._addresses("https listening")
        self.http_addresses = self._addresses("http listening")
        self.api_addresses = self._addresses("api listening")
        self.https = self.https_addresses[0]
        self.http = (self.http_addresses or [None])[0]
        self.api = (self.api_addresses or [None])[0]

    @staticmethod
    def environment():
        """Ours without the variables that would change the configuration. What lives as long as the process is no leak."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTHOLE_")}
        return {"ASAN_OPTIONS": "detect_leaks=0", **kept, "NO_COLOR": "1"}

    @staticmethod
    def base():
        """One worker, one open sandbox `bench`, one that publishes nothing, everything on free ports of 127.0.0.1."""
        certificate, key = certificates().server
        return {
            "domains": ["preview.localhost"],
            "listen": {"https": ["127.0.0.1:0"], "http": ["127.0.0.1:0"], "api": "127.0.0.1:0"},
            "workers": 1,
            "tls": [{"certificate": certificate, "key": key}],
            "store": ":memory:",
            "runner": {"kind": "static", "sandboxes": [
                {"id": "bench", "address": "127.0.0.1", "ingress": {"mode": "open"}},
                {"id": "shut", "address": "127.0.0.1"},
            ]},
            "timeouts": {"dialRetry": "200ms"},
        }

    def configure(self, **changes):
        """Merges and writes the file; the process reads it on SIGHUP."""
        for key, value in changes.items():
            old = self.configuration.get(key)
            self.configuration[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        self.write_configuration(json.dumps(self.configuration, indent=1))

    def write_configuration(self, text):
        temporary = self.path + ".new"
        with open(temporary, "w") as file:
            file.write(text)  # JSON is YAML
        os.replace(temporary, self.path)

    def _collect(self, stream, lines):
        for line in stream:
            lines.append(line.decode(errors="replace").rstrip("\n"))

    def wait_for_line(self, pattern, count=1, lines=None):
        """The first line of stderr that matches, once `count` of them do."""
        lines = self.stderr if lines is None else lines

        def found():
            matches = [line for line in list(lines) if re.search(pattern, line)]
            if len(matches) >= count:
                return matches
            if self.process.poll() is not None:
                raise Crashed(f"porthole ended with {self.process.returncode}:\n" + "\n".join(self.stderr))
            return None

        try:
            return wait_until(found, f"a line with {pattern!r}")[0]
        except AssertionError as error:
            raise type(error)(f"{error}\n" + "\n".join(self.stderr[-40:])) from None

    def _addresses(self, what):
        found = []
        for line in self.stderr:
            match = re.search(rf"{what}.*address=\"?\[?([0-9a-f.:]+?)\]?:([0-9]+)", line)
            if match:
                found.append((match[1], int(match[2])))
        return found

    # Clients

    def client(self, **arguments):
        return RawClient(self.https, **arguments)

    def plain_client(self, address=None, **arguments):
        return RawClient(address or self.http, tls=False, **arguments)

    # Signals

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        """SIGHUP, and waits until it has been taken in or refused. Returns the line that says so."""
        pattern = r"configuration reloaded|configuration is refused"
        before = len([line for line in list(self.stderr) if re.search(pattern, line)])
        self.signal(signal.SIGHUP)
        self.wait_for_line(pattern, count=before + 1)
        return [line for line in list(self.stderr) if re.search(pattern, line)][-1]

    # Figures

    def rss_kib(self):
        """Resident memory. Always 0 under AddressSanitizer, which keeps freed memory on purpose."""
        if _is_sanitized():
            return 0
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def metric(self, name, **labels):
        """The sum of a metric's samples whose labels include these."""
        with RawClient(self.api, tls=False) as client:
            text = client.request(b"GET /metrics HTTP/1.1\r\nHost: api\r\n\r\n").body.decode()
        total = 0.0
        for line in text.splitlines():
            match = re.match(r"([a-zA-Z_:]+)(\{.*\})? ([0-9.e+\-]+)$", line)
            if match and match[1] == name and all(f'{k}="{v}"' in (match[2] or "") for k, v in labels.items()):
                total += float(match[3])
        return total

    # The end

    def check(self):
        """Fails when the process died or printed a crash."""
        text = "\n".join(self.stderr)
        if self.process.poll() is not None:
            raise Crashed(f"porthole ended with {self.process.returncode}:\n{text[-6000:]}")
        if CRASH.search(text):
            raise Crashed(text[-6000:])

    def stop(self):
        """Ends it in good order, at once; fails when it had crashed or does not end."""
        try:
            self.check()
            self.process.send_signal(signal.SIGTERM)
            try:
                # Connections that a test left open are cut by the second signal.
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(DEADLINE)
            for thread in self._threads:
                thread.join(DEADLINE)
            text = "\n".join(self.stderr)
            if CRASH.search(text) or self.process.returncode not in (0, 1):
                raise Crashed(f"ended with {self.process.returncode}:\n{text[-6000:]}")
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
