"""WebSockets and other upgrades: bytes are the application's, ends are passed on, and Porthole's own end is a close frame."""

import base64
import contextlib
import hashlib
import random
import struct

import pytest

from h2kit import *  # noqa: F403

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", final=True, mask=True, rsv=0):
    out = bytes([(0x80 if final else 0) | rsv | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        out += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        out += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        out += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not mask:
        return out + payload
    # A mask of zeros is a mask, and lets a test read its own bytes.
    return out + b"\0\0\0\0" + payload


def accept(request):
    key = request.header("sec-websocket-key")
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def switch(request, extra="", and_then=b""):
    request.sock.sendall(
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept(request)}\r\n{extra}\r\n".encode() + and_then)


def app(request):
    """Talks bytes, so that what a proxy might do to frames would be seen."""
    path, _, query = request.target.partition("?")
    origin, sock = request.origin, request.sock
    if path == "/refuse":
        status = {"403": "403 Forbidden", "200": "200 OK", "426": "426 Upgrade Required", "101": "101 Switching Protocols"}[query]
        extra = [("Upgrade", "websocket")] if query == "426" else []
        request.answer(b"no\n", status=status, headers=extra)
        return False
    if path == "/other":
        sock.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {request.header('upgrade')}\r\nConnection: Upgrade\r\n\r\n".encode())
    elif path == "/together":
        switch(request, and_then=frame(1, b"with the 101", mask=False))
    elif path == "/slow-switch":
        time.sleep(0.3)
        switch(request)
    elif path == "/subprotocol":
        switch(request, f"Sec-WebSocket-Protocol: {request.header('sec-websocket-protocol')}\r\n"
                        f"Sec-WebSocket-Extensions: {request.header('sec-websocket-extensions')}\r\n")
    elif path.startswith("/"):
        switch(request)
    if path == "/send":
        size = int(query)
        head = frame(2, b"", mask=False)[:1] + bytes([127]) + struct.pack(">Q", size)
        sock.sendall(head)
        block = bytes(range(256)) * 256
        while size:
            part = block[:min(size, 65536)]
            sock.sendall(part)
            size -= len(part)
        request.take()
        return True
    if path == "/crash":
        sock.sendall(frame(1, b"bye", mask=False))
        time.sleep(0.1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True
    if path == "/close":
        sock.sendall(frame(8, struct.pack(">H", int(query)) + b"because", mask=False))
        while request.take():
            pass
        return True
    if path == "/half":
        # Says the last word after the client has said its own.
        got = b""
        while part := request.take():
            got += part
        sock.sendall(b"got %d" % len(got))
        return True
    if path == "/fin-first":
        sock.sendall(b"first")
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while part := request.take():
            got += part
        origin.last = got
        return True
    if path == "/stuck":
        origin.event("stuck").wait(20)
        return True
    if path == "/part":
        sock.sendall(frame(2, b"x" * 1000, mask=False)[:500])
        origin.event("part").wait(20)
        sock.sendall(frame(2, b"x" * 1000, mask=False)[500:] + frame(1, b"too late", mask=False) * 3)
        request.take()
        return True
    while part := request.take():
        sock.sendall(part)
    return True


@pytest.fixture(scope="module")
def proxy():
    made = Proxy()
    yield made
    alive = made.alive()
    made.stop()
    assert alive, made.text()[-4000:]


@pytest.fixture(scope="module")
def origin():
    made = Origin(app)
    yield made
    made.close()
    assert not made.errors, made.errors


class OverHTTP1:
    """The client's side of a tunnel over an upgraded connection."""

    def __init__(self, proxy, origin, path="/", extra="", upgrade="websocket", and_then=b""):
        self.sock = tls(proxy.port, origin.host, ["http/1.1"])
        self.sock.sendall((f"GET {path} HTTP/1.1\r\nHost: {origin.host}:{proxy.port}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {upgrade}\r\n"
                           f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n").encode() + and_then)
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            part = self.sock.recv(65536)
            assert part, "no answer"
            self.buffer += part
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}

    def send(self, data):
        self.sock.sendall(data)

    def take(self, count):
        while len(self.buffer) < count:
            part = self.sock.recv(65536)
            if not part:
                raise Closed("ended")
            self.buffer += part
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def rest(self):
        out, self.buffer = self.buffer + read_all(self.sock), b""
        return out

    def end(self):
        """Our last byte: close_notify, which is what half-closes TLS (RFC 8446 §6.1); the other direction stays."""
        timeout = self.sock.gettimeout()
        self.sock.setblocking(False)
        # It is sent at once; waiting for the other one is what we do not want.
        with contextlib.suppress(ssl.SSLWantReadError):
            self.sock.unwrap()
        self.sock.settimeout(timeout)

    def close(self):
        self.sock.close()


class OverHTTP2:
    """The same over one stream, RFC 8441."""

    def __init__(self, proxy, origin, path="/", extra=(), client=None, and_then=b"", end=False):
        self.owned = client is None
        self.c = client or H2(proxy, origin.host).settle()
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", path),
                  (":authority", self.c.authority), ("sec-websocket-version", "13"), ("origin", f"https://{self.c.authority}"), *extra]
        self.stream = self.c.headers(fields, end=end)
        if and_then:
            self.c.data(self.stream, and_then)
        self.c.until(lambda: self.stream in self.c.responses and (self.r.headers or self.r.reset is not None))
        self.status = self.r.status
        self.fields = dict(self.r.headers or [])
        self.at = 0

    @property
    def r(self):
        return self.c.responses[self.stream]

    def send(self, data):
        if len(data) <= self.c.window(self.stream) and len(data) <= self.c.window(0):
            self.c.data(self.stream, data)
            return
        for at in range(0, len(data), 16384):
            part = data[at:at + 16384]
            self.c.until(lambda: min(self.c.window(0), self.c.window(self.stream)) >= len(part))
            self.c.data(self.stream, part)

    def take(self, count):
        self.c.until(lambda: len(self.r.body) - self.at >= count or self.r.ended or self.r.reset is not None)
        if len(self.r.body) - self.at < count:
            raise Closed("ended")
        out = bytes(self.r.body[self.at:self.at + count])
        self.at += count
        return out

    def rest(self):
        self.c.until(lambda: self.r.ended or self.r.reset is not None)
        out, self.at = bytes(self.r.body[self.at:]), len(self.r.body)
        return out

    def end(self):
        self.c.data(self.stream, b"", end=True)

    def close(self):
        if self.owned:
            self.c.close()


@pytest.fixture(params=[OverHTTP1, OverHTTP2], ids=["http1", "http2"])
def dial(request, proxy, origin):
    made = []

    def dial(*arguments, **keywords):
        made.append(request.param(proxy, origin, *arguments, **keywords))
        return made[-1]

    dial.version = 1 if request.param is OverHTTP1 else 2
    yield dial
    for one in made:
        one.close()


# --- the handshake


def test_handshake(dial, origin):
    ws = dial("/")
    request = origin.seen[-1]
    assert request.method == "GET" and request.header("upgrade") == "websocket" and "upgrade" in request.header("connection").lower()
    assert len(base64.b64decode(request.header("sec-websocket-key"))) == 16
    if dial.version == 1:
        assert ws.status == 101 and ws.fields["upgrade"].lower() == "websocket" and ws.fields["connection"].lower() == "upgrade"
        assert ws.fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    else:
        assert ws.status == 200 and "upgrade" not in ws.fields and "connection" not in ws.fields and "sec-websocket-accept" not in ws.fields


def test_subprotocol_and_extensions_are_untouched(dial, origin):
    asked, offered = "graphql-ws, chat.v2", "permessage-deflate; client_max_window_bits, x-other; a=\"b\""
    if dial.version == 1:
        ws = dial("/subprotocol", extra=f"Sec-WebSocket-Protocol: {asked}\r\nSec-WebSocket-Extensions: {offered}\r\n")
    else:
        ws = dial("/subprotocol", extra=[("sec-websocket-protocol", asked), ("sec-websocket-extensions", offered)])
    assert ws.fields["sec-websocket-protocol"] == asked and ws.fields["sec-websocket-extensions"] == offered


@pytest.mark.parametrize("status", [403, 200, 426])
def test_refused(dial, status):
    ws = dial(f"/refuse?{status}")
    if dial.version == 2 and status == 200:
        # Over HTTP/2 a 200 would say that the WebSocket is open.
        assert ws.status == 502 and ws.fields["porthole-error"] == "upstream/malformed"
        return
    assert ws.status == status and "porthole-error" not in ws.fields
    if dial.version == 1:
        assert ws.take(3) == b"no\n"
        # The connection is still one for HTTP.
        ws.send(b"GET /refuse?403 HTTP/1.1\r\nHost: %s\r\n\r\n" % ws.sock.server_hostname.encode())
        assert ws.take(12) == b"HTTP/1.1 403"
        if status == 426:
            assert ws.fields["upgrade"] == "websocket"
    else:
        assert ws.rest() == b"no\n"


def test_101_that_names_no_protocol(dial):
    ws = dial("/refuse?101")
    assert ws.status == 502 and ws.fields["porthole-error"] == "upstream/malformed"


def test_data_with_the_101(dial):
    ws = dial("/together")
    assert ws.take(14) == frame(1, b"with the 101", mask=False)


def test_data_before_the_101(dial):
    """Sent with the request, or while the app thinks: not lost, in order."""
    early = b"".join(frame(2, bytes([i]) * 3000) for i in range(10))
    ws = dial("/slow-switch", and_then=early)
    assert ws.take(len(early)) == early


def test_end_before_the_101(proxy, origin):
    ws = OverHTTP2(proxy, origin, "/half", end=True)
    assert ws.status == 200 and ws.rest() == b"got 0" and ws.r.ended
    ws.close()


def test_unknown_protocol_and_plain_connect(proxy, origin):
    with H2(proxy, origin.host) as c:
        c.settle()
        for protocol in ([(":protocol", "connect-udp"), (":scheme", "https"), (":path", "/")], []):
            stream = c.headers([(":method", "CONNECT"), *protocol, (":authority", c.authority)], end=False)
            assert c.response(stream).status in (400, 501)


def test_no_service_behind_the_port(proxy, origin):
    with H2(proxy, origin.host):
        pass
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    class Nobody:
        host = f"{port}-any.{DOMAIN}"

    for kind in (OverHTTP1, OverHTTP2):
        ws = kind(proxy, Nobody)
        assert ws.status == 502 and ws.fields["porthole-error"] == "dial/port-closed"
        ws.close()


# --- the conversation


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000, 1 << 20])
@pytest.mark.parametrize("opcode", [1, 2])
def test_messages_of_all_sizes(dial, size, opcode):
    ws = dial()
    message = frame(opcode, b"*" * size)
    ws.send(message)
    assert ws.take(len(message)) == message


def test_fragments_pings_and_pongs(dial):
    ws = dial()
    messages = [frame(1, b"frag", final=False), frame(9, b"ping in between"), frame(0, b"", final=False), frame(10, b"unasked pong"),
                frame(0, b"ment"), frame(9, b"p" * 125), frame(2, "é€😀".encode()), frame(1, b"\xff\xfe invalid utf-8"), frame(3, b"reserved"),
                frame(1, b"compressed", rsv=0x40)]
    for message in messages:
        ws.send(message)
    whole = b"".join(messages)
    assert ws.take(len(whole)) == whole


def test_single_bytes(dial):
    ws = dial()
    message = frame(1, b"octet by octet")
    for byte in message:
        ws.send(bytes([byte]))
    assert ws.take(len(message)) == message


def test_sixteen_mebibytes_both_ways(dial):
    ws = dial()
    message = frame(2, random.Random(1).randbytes(16 << 20))
    if dial.version == 2:
        ws.send(message)
        assert ws.take(len(message)) == message
        return
    # One thread for both directions: Python's TLS sockets are not safe for two.
    got, at = bytearray(), 0
    ws.sock.setblocking(False)
    while len(got) < len(message):
        select.select([ws.sock], [ws.sock] if at < len(message) else [], [], 10)
        try:
            at += ws.sock.send(message[at:at + 65536]) if at < len(message) else 0
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        try:
            while part := ws.sock.recv(65536):
                got += part
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
    assert got == message


def test_many_messages_at_once(dial):
    ws = dial()
    messages = b"".join(frame(1, b"%d" % i) for i in range(5000))
    ws.send(messages)
    assert ws.take(len(messages)) == messages


def test_two_tunnels_and_requests_share_a_connection(proxy, origin):
    with H2(proxy, origin.host) as c:
        c.settle()
        tunnels = [OverHTTP2(proxy, origin, client=c) for _ in range(20)]
        for index, ws in enumerate(tunnels):
            ws.send(frame(1, b"%d" % index * 100))
        for index, ws in reversed(list(enumerate(tunnels))):
            message = frame(1, b"%d" % index * 100)
            assert ws.take(len(message)) == message
        assert c.get("/refuse?200").body == b"no\n"


# --- ends


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 3000, 4999])
def test_close_codes_pass(dial, code):
    ws = dial(f"/close?{code}")
    assert ws.take(11) == frame(8, struct.pack(">H", code) + b"because", mask=False)
    ws.send(frame(8, struct.pack(">H", code)))


def test_client_ends_first(dial):
    ws = dial("/half")
    ws.send(b"x" * 1000)
    ws.end()
    assert ws.rest() == b"got 1000"


def test_a_client_that_is_cut_off(proxy, origin):
    """FIN without close_notify may be anybody's: the app must not take it for a good end, and the tunnel goes."""
    before = len(origin.open)
    ws = OverHTTP1(proxy, origin, "/")
    ws.send(b"x")
    assert ws.take(1) == b"x"
    socket.socket.shutdown(ws.sock, socket.SHUT_WR)
    wait_for(lambda: len(origin.open) <= before, what="the app's connection ends")
    ws.close()


def test_app_ends_first(dial, origin):
    ws = dial("/fin-first")
    assert ws.rest() == b"first"
    ws.send(b"still here")
    time.sleep(0.1)
    ws.end()
    wait_for(lambda: getattr(origin, "last", None) == b"still here")
    origin.last = None


def test_crash_of_the_app_is_a_close_frame(dial):
    ws = dial("/crash")
    assert ws.take(5) == frame(1, b"bye", mask=False)
    last = ws.rest()
    assert last[:1] == b"\x88" and last[2:4] == struct.pack(">H", 1014) and last[4:] == b"upstream/reset"


def test_client_crash_ends_the_apps_side(dial, origin, proxy):
    begun = len(origin.open)
    ws = dial("/")
    ws.send(frame(1, b"x"))
    ws.take(7)
    if dial.version == 1:
        ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ws.sock.close()
    else:
        ws.c.reset(ws.stream)
        ws.c.ping()
    wait_for(lambda: len(origin.open) <= begun, what="the app's connection ends")


def test_half_closed_tunnel_does_not_stay_for_ever():
    proxy, origin = Proxy("timeouts: {keepAliveIdle: 400ms}"), Origin(app)
    try:
        for kind in (OverHTTP1, OverHTTP2):
            ws = kind(proxy, origin, "/fin-first")
            assert ws.rest() == b"first"
            wait_for(lambda: proxy.metric("porthole_tunnels_open") == 0, what="the tunnel ends")
            ws.close()
    finally:
        origin.close()
        proxy.stop()


@pytest.mark.parametrize("kind", [OverHTTP1, OverHTTP2], ids=["http1", "http2"])
@pytest.mark.parametrize("path", ["/", "/part"])
def test_drain_closes_with_1001_at_a_boundary(kind, path):
    proxy, origin = Proxy("timeouts: {drain: 300ms}"), Origin(app)
    try:
        ws = kind(proxy, origin, path)
        first = frame(1, b"x" * 100)
        if path == "/":
            ws.send(first)
            assert ws.take(len(first)) == first
        else:
            assert ws.take(500) == frame(2, b"x" * 1000, mask=False)[:500]
        proxy.terminate()
        if path == "/part":
            time.sleep(0.6)
            origin.event("part").set()
            assert ws.take(504) == frame(2, b"x" * 1000, mask=False)[500:]
        last = ws.rest()
        assert last == frame(8, struct.pack(">H", 1001) + b"limit/draining", mask=False)
        ws.close()
        assert proxy.process.wait(5) == 0
    finally:
        origin.close()
        proxy.stop()


# --- pressure


def test_app_that_does_not_read(dial, proxy, origin):
    before = proxy.memory()
    ws = dial("/stuck")
    block = frame(2, b"x" * 60000)
    if dial.version == 1:
        ws.sock.settimeout(1)
        with pytest.raises((TimeoutError, OSError)):
            for _ in range(4000):
                ws.send(block)
    else:
        with pytest.raises(TimeoutError):
            for _ in range(4000):
                ws.c.until(lambda: min(ws.c.window(0), ws.c.window(ws.stream)) >= 16384, 1)
                ws.c.data(ws.stream, b"x" * 16384)
    assert proxy.memory() - before < 16 << 20
    origin.event("stuck").set()
    origin.events.clear()


def test_client_that_does_not_read(dial, proxy):
    before = proxy.memory()
    if dial.version == 1:
        ws = dial("/send?300000000")
        time.sleep(1)
    else:
        ws = dial("/send?300000000", client=None)
        ws.c.gives_window = False
        with pytest.raises(TimeoutError):
            ws.c.until(lambda: False, 1)
    assert proxy.memory() - before < 16 << 20
    if dial.version == 2:
        ws.c.gives_window = True
        ws.c.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 65535))
        ws.c.frame(WINDOW_UPDATE, 0, ws.stream, struct.pack(">I", 65535))
    ws.take(20000000)


def test_idle_tunnels_are_cheap(proxy, origin):
    """A few hundred here; the figure per tunnel is what matters."""
    count, sockets = 300, []
    for _ in range(20):
        sockets.append(OverHTTP1(proxy, origin))
    before = proxy.memory()
    for _ in range(count):
        sockets.append(OverHTTP1(proxy, origin))
    each = (proxy.memory() - before) / count
    for ws in sockets:
        ws.send(b"x")
    for ws in sockets:
        assert ws.take(1) == b"x"
        ws.close()
    assert each < 48 << 10, f"{each:.0f} bytes for an idle tunnel over TLS"


# --- other protocols


@pytest.mark.parametrize("protocol", ["tcp", "SPDY/3.1", "my-protocol"])
def test_other_upgrades(proxy, origin, protocol):
    ws = OverHTTP1(proxy, origin, "/other", upgrade=protocol)
    assert ws.status == 101 and ws.fields["upgrade"] == protocol
    ws.send(b"\0\1\2 anything at all")
    assert ws.take(19) == b"\0\1\2 anything at all"
    ws.end()
    assert ws.rest() == b""
    ws.close()


# --- other people's client


def test_websockets_library(proxy, origin):
    client = pytest.importorskip("websockets.sync.client")
    from websockets.sync.server import serve
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def echo(connection):
        for message in connection:
            connection.send(message)
        connection.close(4000, "done")

    server = serve(echo, "127.0.0.1", 0, subprotocols=["chat"], max_size=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.socket.getsockname()[1]
    host = f"{port}-any.{DOMAIN}"
    sock = socket.create_connection(("127.0.0.1", proxy.port))
    with client.connect(f"wss://{host}:{proxy.port}/", sock=sock, ssl=context, subprotocols=["chat"], max_size=None) as ws:
        assert ws.subprotocol == "chat" and "permessage-deflate" in ws.response.headers["Sec-WebSocket-Extensions"]
        for message in ("text", "é" * 100000, b"binary", os.urandom(16 << 20), ""):
            ws.send(message)
            assert ws.recv(20) == message
        ws.send(["frag", "ment", "ed"])
        assert ws.recv(5) == "fragmented"
        assert ws.ping().wait(5)
    assert ws.close_code == 1000
    server.shutdown()
