"""What the HTTP/2, WebSocket and gRPC tests share: the proxy as a process, a scripted origin, and a client that says
exactly the frames that a test wants to say. Nothing here knows the proxy's insides."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import hpack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("PORTHOLE_BINARY") or os.path.join(ROOT, ".build/release/porthole")

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITY_FLAG = 0x4, 0x8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
DOMAIN = "preview.localhost"


# --- certificates and the proxy


def make_certificates(folder):
    """A self-signed wildcard certificate; enough for clients that are told not to look."""
    if not os.path.exists(f"{folder}/cert.pem"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:*.{DOMAIN},DNS:localhost,DNS:app.example.test,IP:127.0.0.1",
             "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    return f"{folder}/cert.pem", f"{folder}/key.pem"


class Proxy:
    """`porthole serve` with one worker in a folder of its own."""

    def __init__(self, extra="", sandboxes="", workers=1):
        self.folder = tempfile.mkdtemp(prefix="porthole-h2-")
        make_certificates(self.folder)
        path = f"{self.folder}/porthole.yaml"
        with open(path, "w") as file:
            file.write(f"""domains: [{DOMAIN}]
listen:
  https: ["127.0.0.1:0"]
  http: ["127.0.0.1:0"]
  api: "127.0.0.1:0"
workers: {workers}
tls:
  - certificate: cert.pem
    key: key.pem
store: ":memory:"
{extra}
runner:
  kind: static
  sandboxes:
    - id: any
      address: 127.0.0.1
      ingress: {{mode: open}}
{sandboxes}
""")
        self.log = open(f"{self.folder}/log", "wb")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", path], stderr=self.log, stdout=self.log, cwd=self.folder,
            env={key: value for key, value in os.environ.items() if not key.startswith("PORTHOLE_")})
        self.port = self._port("https")
        self.http_port = self._port("http")
        self.api_port = self._port("api")

    def text(self):
        with open(f"{self.folder}/log", errors="replace") as file:
            return file.read()

    def _port(self, name):
        deadline = time.time() + 10
        while time.time() < deadline:
            found = re.search(rf"\b{name} listening.*?address=\"?127\.0\.0\.1:(\d+)", self.text())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"porthole did not listen for {name}:\n{self.text()}")

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        return self.process.poll() is None

    def metrics(self):
        with socket.create_connection(("127.0.0.1", self.api_port), 5) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return read_all(sock).decode()

    def metric(self, pattern):
        """The sum of all samples whose name and labels match."""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.metrics().splitlines()
                   if not line.startswith("#") and re.search(pattern, line.rsplit(" ", 1)[0]))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        crashed = self.process.poll() not in (None, 0)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()
        # What a crash said is kept.
        if not crashed:
            shutil.rmtree(self.folder, ignore_errors=True)


def read_all(sock):
    out = b""
    while True:
        try:
            part = sock.recv(65536)
        except (ConnectionError, ssl.SSLError, socket.timeout):
            return out
        if not part:
            return out
        out += part


def tls(port, host, alpn, timeout=10):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(alpn)
    sock = socket.create_connection(("127.0.0.1", port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wrapped = context.wrap_socket(sock, server_hostname=host)
    wrapped.settimeout(timeout)
    return wrapped


# --- an HTTP/2 client that obeys nobody


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        if self.kind == RST_STREAM:
            return struct.unpack(">I", self.payload)[0]
        if self.kind == GOAWAY:
            return struct.unpack(">I", self.payload[4:8])[0]
        raise AssertionError(f"{self} has no error code")

    @property
    def last_stream(self):
        return struct.unpack(">I", self.payload[:4])[0] & 0x7FFFFFFF

    def __repr__(self):
        names = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
                 "CONTINUATION"]
        name = names[self.kind] if self.kind < 10 else str(self.kind)
        extra = f" code={self.code}" if self.kind in (RST_STREAM, GOAWAY) else f" {len(self.payload)} bytes"
        return f"<{name} stream={self.stream} flags={self.flags:#x}{extra}>"


class Closed(Exception):
    pass


class Response:
    def __init__(self):
        self.interim, self.headers, self.body, self.trailers = [], None, bytearray(), None
        self.ended, self.reset = False, None

    @property
    def status(self):
        return int(dict(self.headers)[":status"]) if self.headers else None

    def header(self, name):
        values = [value for key, value in self.headers if key == name]
        return values[0] if values else None


class H2:
    """One connection. Reads are explicit; nothing is acknowledged unless `auto` is set."""

    def __init__(self, proxy, host, preface=True, settings=(), auto=True, window=None, alpn=("h2",)):
        self.host, self.auto = host, auto
        self.authority = f"{host}:{proxy.port}"
        self.sock = tls(proxy.port, host, list(alpn))
        assert self.sock.selected_alpn_protocol() == "h2"
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 22
        self.buffer = b""
        self.next_id = 1
        self.responses = {}
        self.frames = []
        self.block = None
        self.settings = {}
        self.acks = 0
        self.goaway = None
        self.gives_window = True
        # What we may send: stream 0 is the connection.
        self.room = {0: 65535}
        if preface:
            self.raw(PREFACE + self.pack(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in settings)))
            if window:
                self.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", window))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()

    # Out.

    @staticmethod
    def pack(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(str(error))

    def frame(self, kind, flags, stream, payload=b""):
        self.raw(self.pack(kind, flags, stream, payload))

    def head(self, method="GET", path="/", extra=(), authority=None, scheme="https"):
        return [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority or self.authority), *extra]

    def encode(self, fields):
        return self.encoder.encode([hpack.NeverIndexedHeaderTuple(*field) for field in fields])

    def open(self):
        stream, self.next_id = self.next_id, self.next_id + 2
        return stream

    def headers(self, fields, end=True, stream=None, flags=END_HEADERS):
        stream = stream or self.open()
        self.frame(HEADERS, flags | (END_STREAM if end else 0), stream, self.encode(fields))
        return stream

    def request(self, path="/", method="GET", extra=(), body=None, end=True):
        """Starts a request; returns its stream."""
        stream = self.headers(self.head(method, path, extra), end=end and body is None)
        if body is not None:
            self.data(stream, body, end)
        return stream

    def data(self, stream, body=b"", end=False):
        self.room[0] -= len(body)
        if stream:
            self.room[stream] = self.room.get(stream, 0) - len(body)
        parts = [body[at:at + 16384] for at in range(0, len(body), 16384)] or [b""]
        for index, part in enumerate(parts):
            self.frame(DATA, END_STREAM if end and index == len(parts) - 1 else 0, stream, part)

    def window(self, stream):
        return self.room.get(stream, 0) + (self.settings.get(4, 65535) if stream else 0)

    def upload(self, stream, total, timeout=60):
        """Sends as fast as the windows allow."""
        sent, deadline = 0, time.time() + timeout
        while sent < total:
            room = min(self.window(0), self.window(stream), 16384, total - sent)
            if room <= 0:
                self.read(deadline - time.time())
                continue
            self.data(stream, b"u" * room, end=sent + room == total)
            sent += room

    def reset(self, stream, code=CANCEL):
        self.frame(RST_STREAM, 0, stream, struct.pack(">I", code))

    # In.

    def fill(self, deadline):
        left = deadline - time.time()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self.sock.settimeout(left)
        try:
            part = self.sock.recv(65536)
        except (socket.timeout, TimeoutError):
            raise TimeoutError("nothing came in time")
        except (ConnectionError, ssl.SSLError, OSError) as error:
            raise Closed(str(error))
        if not part:
            raise Closed("the proxy closed the connection")
        self.buffer += part

    def read(self, timeout=5):
        """The next frame, whatever it is."""
        deadline = time.time() + timeout
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            self.fill(deadline)
        length = int.from_bytes(self.buffer[:3], "big")
        frame = Frame(self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big") & 0x7FFFFFFF, self.buffer[9:9 + length])
        self.buffer = self.buffer[9 + length:]
        self.note(frame)
        return frame

    def note(self, frame):
        self.frames.append(frame)
        if len(self.frames) > 20000:
            del self.frames[:10000]
        response = self.responses.setdefault(frame.stream, Response()) if frame.stream else None
        if frame.kind == DATA:
            response.body += frame.payload
            response.ended = response.ended or bool(frame.flags & END_STREAM)
            if self.gives_window and frame.payload:
                size = struct.pack(">I", len(frame.payload))
                with contextlib.suppress(Closed):
                    self.raw(self.pack(WINDOW_UPDATE, 0, 0, size) + (b"" if response.ended else self.pack(WINDOW_UPDATE, 0, frame.stream, size)))
        elif frame.kind in (HEADERS, CONTINUATION):
            if frame.kind == HEADERS:
                payload = frame.payload
                if frame.flags & PADDED:
                    payload = payload[1:len(payload) - payload[0]]
                if frame.flags & PRIORITY_FLAG:
                    payload = payload[5:]
                self.block = (payload, bool(frame.flags & END_STREAM))
            else:
                self.block = (self.block[0] + frame.payload, self.block[1])
            if frame.flags & END_HEADERS:
                fields = [(str(name), str(value)) if isinstance(name, str) else (name.decode(), value.decode("latin-1"))
                          for name, value in self.decoder.decode(self.block[0], raw=True)]
                status = dict(fields).get(":status")
                if status and status[0] == "1":
                    response.interim.append(fields)
                elif response.headers is None:
                    response.headers = fields
                else:
                    response.trailers = fields
                response.ended = response.ended or self.block[1]
        elif frame.kind == RST_STREAM:
            response.reset = frame.code
        elif frame.kind == WINDOW_UPDATE:
            self.room[frame.stream] = self.room.get(frame.stream, 0) + struct.unpack(">I", frame.payload)[0]
        elif frame.kind == SETTINGS:
            if frame.flags & ACK:
                self.acks += 1
            else:
                for at in range(0, len(frame.payload), 6):
                    key, value = struct.unpack(">HI", frame.payload[at:at + 6])
                    self.settings[key] = value
                if self.auto:
                    self.frame(SETTINGS, ACK, 0)
        elif frame.kind == PING and not frame.flags & ACK and self.auto:
            self.frame(PING, ACK, 0, frame.payload)
        elif frame.kind == GOAWAY:
            self.goaway = frame

    def until(self, condition, timeout=10):
        """Reads frames until the condition holds."""
        deadline = time.time() + timeout
        while not condition():
            self.read(deadline - time.time())

    def response(self, stream, timeout=10):
        """Reads until the stream has ended or was reset."""
        self.until(lambda: stream in self.responses and (self.responses[stream].ended or self.responses[stream].reset is not None), timeout)
        return self.responses[stream]

    def get(self, path="/", timeout=10, **arguments):
        return self.response(self.request(path, **arguments), timeout)

    def settle(self):
        """The handshake of settings is over in both directions."""
        self.until(lambda: self.settings and self.acks)
        return self

    def ping(self, payload=b"porthole", timeout=5):
        """A round trip: everything that was sent before has been dealt with."""
        self.frame(PING, 0, 0, payload)
        deadline = time.time() + timeout
        while True:
            frame = self.read(deadline - time.time())
            if frame.kind == PING and frame.flags & ACK and frame.payload == payload:
                return

    def outcome(self, timeout=5):
        """Reads until the connection ends: the GOAWAY's code, or None when there was none."""
        try:
            self.until(lambda: False, timeout)
        except Closed:
            pass
        return self.goaway.code if self.goaway else None

    def expect_connection_error(self, *codes, timeout=5):
        """RFC 9113 §5.4.1: a GOAWAY with one of the codes and the end of the connection, or at least the end."""
        code = self.outcome(timeout)
        assert code is None or code in codes, f"GOAWAY with {code}, not one of {codes}"
        return code

    def expect_stream_error(self, stream, *codes, timeout=5):
        """RFC 9113 §5.4.2: RST_STREAM with one of the codes; a connection error is allowed instead (§5.4)."""
        try:
            self.until(lambda: self.goaway or (stream in self.responses and self.responses[stream].reset is not None), timeout)
        except Closed:
            return
        code = self.goaway.code if self.goaway else self.responses[stream].reset
        assert code in codes, f"error {code}, not one of {codes}"

    def expect_alive(self):
        response = self.get("/hello")
        assert response.status == 200 and response.body == b"hello\n"


# --- an origin that does what it is told


class Request:
    def __init__(self, sock, head, rest):
        lines = head.split(b"\r\n")
        self.sock, self.rest, self.raw = sock, rest, head
        self.method, self.target, self.version = lines[0].decode("latin-1").split(" ")
        self.headers = [tuple(part.strip().decode("latin-1") for part in line.split(b":", 1)) for line in lines[1:] if line]

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[0] if values else None

    def take(self, count=65536):
        if self.rest:
            part, self.rest = self.rest[:count], self.rest[count:]
            return part
        return self.sock.recv(count)

    def exactly(self, count):
        out = b""
        while len(out) < count:
            part = self.take(count - len(out))
            if not part:
                raise ConnectionError("ended early")
            out += part
        return out

    def line(self):
        out = b""
        while not out.endswith(b"\r\n"):
            out += self.exactly(1)
        return out[:-2]

    def body(self):
        """Yields the body; afterwards `trailers` holds its trailer section."""
        self.trailers = []
        if "chunked" in (self.header("transfer-encoding") or ""):
            while True:
                size = int(self.line().split(b";")[0], 16)
                if size == 0:
                    break
                left = size
                while left:
                    part = self.take(min(left, 65536))
                    if not part:
                        raise ConnectionError("ended early")
                    left -= len(part)
                    yield part
                self.line()
            while line := self.line():
                self.trailers.append(tuple(part.strip().decode("latin-1") for part in line.split(b":", 1)))
        else:
            left = int(self.header("content-length") or 0)
            while left:
                part = self.take(min(left, 65536))
                if not part:
                    raise ConnectionError("ended early")
                left -= len(part)
                yield part

    def answer(self, body=b"", status="200 OK", headers=()):
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
        self.sock.sendall(head.encode() + b"\r\n" + body)


class Origin:
    """Serves each connection on a thread; `handler(request)` answers, and returns True to end the connection."""

    def __init__(self, handler=None):
        self.handler = handler or standard
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.host = f"{self.port}-any.{DOMAIN}"
        self.seen = []
        self.connections = 0
        self.errors = []
        self.events = {}
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def event(self, name):
        return self.events.setdefault(name, threading.Event())

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self.open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        rest = b""
        try:
            with sock:
                while True:
                    while b"\r\n\r\n" not in rest:
                        part = sock.recv(65536)
                        if not part:
                            return
                        rest += part
                    head, rest = rest.split(b"\r\n\r\n", 1)
                    request = Request(sock, head, rest)
                    request.origin = self
                    self.seen.append(request)
                    if self.handler(request):
                        return
                    rest = request.rest
        except (ConnectionError, OSError):
            pass
        except Exception as error:  # noqa: BLE001: shown by the fixture
            self.errors.append(repr(error))
        finally:
            self.open.discard(sock)

    def close(self):
        self.listener.close()
        for sock in list(self.open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def standard(request):
    """The app that most tests talk to."""
    path, _, query = request.target.partition("?")
    origin, sock = request.origin, request.sock
    if path == "/hello":
        for _ in request.body():
            pass
        request.answer(b"hello\n", headers=[("Content-Type", "text/plain")])
    elif path == "/seen":
        count = sum(len(part) for part in request.body())
        request.answer(json.dumps({"method": request.method, "target": request.target, "headers": request.headers, "bytes": count,
                                   "trailers": request.trailers}).encode())
    elif path == "/echo":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in request.body():
            sock.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.trailers)
        sock.sendall(b"0\r\n" + lines.encode() + b"\r\n")
    elif path.startswith("/bytes/"):
        size = int(path[7:])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        block = bytes(range(256)) * 256
        while size:
            part = block[:min(size, len(block))]
            sock.sendall(part)
            size -= len(part)
    elif path == "/count":
        count = sum(len(part) for part in request.body())
        request.answer(str(count).encode())
    elif path == "/trailers":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\nConnection: close\r\n"
                     b"Set-Cookie: a=b\r\n\r\n")
    elif path == "/hints":
        sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        time.sleep(0.05)
        request.answer(b"hello\n")
    elif path == "/continue":
        assert request.header("expect") == "100-continue", request.headers
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.answer(str(sum(len(part) for part in request.body())).encode())
    elif path == "/early":
        # Answers before the body, as an app does that refuses an upload.
        request.answer(b"too much\n", status="413 Content Too Large")
        time.sleep(0.2)
        return True
    elif path == "/status/204":
        sock.sendall(b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n")
    elif path == "/status/304":
        sock.sendall(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"x\"\r\n\r\n")
    elif path == "/head":
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    elif path == "/hold":
        name = query or "hold"
        origin.event(name + "-begun").set()
        origin.event(name).wait(20)
        request.answer(b"held\n")
    elif path == "/short":
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return True
    elif path == "/break":
        return True
    elif path == "/cut":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True
    elif path == "/garbage":
        sock.sendall(b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n")
        return True
    elif path == "/drip":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for index in range(int(query or 5)):
            sock.sendall(b"2\r\n%d\n\r\n" % (index % 10))
            time.sleep(0.3)
        sock.sendall(b"0\r\n\r\n")
    elif path == "/unread":
        # Takes the head and never the body.
        origin.event("unread-begun").set()
        origin.event("unread").wait(20)
        return True
    elif path == "/fields":
        count = int(query)
        sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-Field-%d: %s\r\n" % (i, b"v" * 400) for i in range(count)) + b"Content-Length: 0\r\n\r\n")
    elif path == "/cookies":
        sock.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Domain=preview.localhost\r\nKeep-Alive: 5\r\nConnection: keep-alive\r\n"
                     b"Content-Length: 0\r\n\r\n")
    else:
        request.answer(b"not here\n", status="404 Not Found")
    return False


def wait_for(condition, timeout=5, what="it"):
    deadline = time.time() + timeout
    while time.time() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {timeout} s")


# --- fixtures


try:
    import pytest

    @pytest.fixture(scope="module")
    def proxy():
        made = Proxy()
        yield made
        alive = made.alive()
        made.stop()
        assert alive, f"porthole died:\n{made.text()[-4000:]}"

    @pytest.fixture(scope="module")
    def origin():
        made = Origin()
        yield made
        made.close()
        assert not made.errors, made.errors

    @pytest.fixture
    def client(proxy, origin):
        with H2(proxy, origin.host) as made:
            yield made.settle()
except ImportError:
    pass
