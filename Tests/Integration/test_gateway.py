"""Plain `routes:`, TLS towards upstreams, the redirect listener, PROXY protocol, and the api listener."""

import os
import ssl
import struct
import threading

import pytest

from harness import Ended, certificates, wait_until


def test_a_plain_route(start, make_origin):
    origin = make_origin()
    porthole = start(routes=[{"host": "app.example.test", "upstream": f"http://127.0.0.1:{origin.port}"}])
    with porthole.client() as client:
        assert client.get("/x", host="app.example.test").status == 200
        assert client.get("/x", host="other.example.test").status == 421
    assert origin.requests[0].get("Host") == b"app.example.test"


def test_a_route_with_the_upstreams_host(start, make_origin):
    origin = make_origin()
    porthole = start(routes=[{"host": "app.example.test", "upstream": f"http://127.0.0.1:{origin.port}", "hostHeader": "upstream"}])
    with porthole.client() as client:
        assert client.get("/x", host="app.example.test").status == 200
    assert origin.requests[0].get("Host") == f"127.0.0.1:{origin.port}".encode()


def tls_route(start, make_origin, pair, upstream_name="app.example.test", serve=None, **upstream):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.set_alpn_protocols(["http/1.1"])
    origin = make_origin(tls=context, serve=serve) if serve else make_origin(tls=context)
    route = {"host": "app.example.test", "upstream": f"https://localhost:{origin.port}", **upstream}
    return start(routes=[route]), origin


def test_a_tls_upstream_that_cannot_be_verified(start, make_origin):
    porthole, origin = tls_route(start, make_origin, certificates().other)
    with porthole.client() as client:
        for _ in range(2):
            response = client.get(host="app.example.test")
            assert (response.status, response.get("Porthole-Error")) == (502, b"upstream/tls")
            assert response.get("Porthole-Forwarded") == b"no"
    assert not origin.requests


@pytest.fixture
def verified(start, make_origin):
    """`verified(serve)`: a TLS upstream that is trusted, behind app.example.test."""
    pair = certificates().issue("upstream", ["localhost"])

    def make(serve=None):
        return tls_route(start, make_origin, pair, serve=serve, caFile=certificates().authority[0])

    return make


def test_a_tls_upstream(verified):
    porthole, origin = verified()
    with porthole.client() as client:
        for _ in range(5):
            assert client.get(host="app.example.test").body == b"ok"
        body = b"u" * 3_000_000
        client.send(b"POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.response().status == 200
    assert len(origin.connections) == 1 and origin.requests[-1].body == body


def end_of_tls(connection, how):
    if how == "close_notify":
        connection.socket = connection.socket.unwrap()
    elif how == "garbage":
        os.write(connection.socket.fileno(), b"\x17\x03\x03\x00\x20" + b"\0" * 32)
        connection.reader.more()


@pytest.mark.parametrize("how", ["close_notify", "fin", "garbage"])
@pytest.mark.parametrize("framing", ["close", "chunked"])
def test_the_end_of_a_tls_upstream_is_believed_when_it_is_said(verified, how, framing):
    """RFC 9112 §9.8: a body that lasts until the end of the connection is whole after close_notify, and not otherwise."""
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + (
            b"Connection: close\r\n\r\nwords" if framing == "close" else b"Transfer-Encoding: chunked\r\n\r\n5\r\nwords\r\n"))
        end_of_tls(connection, how)

    porthole, origin = verified(serve)
    with porthole.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: app.example.test\r\nConnection: close\r\n\r\n")
        assert client.reader.head().status == 200
        rest = client.until_closed()
        assert b"words" in rest and b"HTTP/1.1" not in rest
        if how == "close_notify" and framing == "close":
            assert rest.endswith(b"0\r\n\r\n") and client.ended_by == Ended.CLEAN
        else:
            assert not rest.endswith(b"0\r\n\r\n") and client.ended_by in (Ended.TRUNCATED, Ended.RESET)


def test_answers_of_one_http2_connection_go_to_whom_they_belong(start, make_origin):
    """Two HTTP/1.1 clients, one h2c upstream, and both answers in one segment."""
    import h2.config
    import h2.connection
    import h2.events

    def serve(connection):
        session = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        session.initiate_connection()
        connection.send(session.data_to_send())
        waiting = {}
        while data := connection._recv(65536):
            for event in session.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    waiting[event.stream_id] = dict(event.headers)[b":path"]
            ready = len(waiting) == 2 or (waiting and b"/first" in waiting.values())
            if ready:
                for stream, path in waiting.items():
                    session.send_headers(stream, [(":status", "200"), ("x-path", path)])
                for stream, path in waiting.items():
                    session.send_data(stream, path * 100)
                for stream, path in waiting.items():
                    session.send_headers(stream, [("x-trailer", path)], end_stream=True)
                waiting.clear()
            connection.send(session.data_to_send())

    origin = make_origin(serve=serve)
    porthole = start(runner={"sandboxes": [{"id": "two", "ports": [{"port": origin.port, "protocol": "h2c"}]}]})
    host = f"{origin.port}-two.preview.localhost"
    with porthole.client() as one, porthole.client() as two:
        # The first request dials; from then on the connection is shared.
        assert one.get("/first", host=host).body == b"/first" * 100
        for _ in range(20):
            one.send(f"GET /one HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            two.send(f"GET /two HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            for client, path in ((one, b"/one"), (two, b"/two")):
                response = client.response()
                assert (response.get("x-path"), response.body) == (path, path * 100)
                assert response.trailers == [(b"x-trailer", path)]
    assert len(origin.connections) == 1


def test_a_tls_upstream_that_speaks_no_tls(start, make_origin):
    origin = make_origin(serve=lambda connection: (connection.reader.more(), connection.send(b"HTTP/1.1 400 No\r\n\r\n")))
    porthole = start(routes=[{"host": "app.example.test", "upstream": f"https://localhost:{origin.port}"}])
    with porthole.client() as client:
        response = client.get(host="app.example.test")
        assert (response.status, response.get("Porthole-Error")) == (502, b"upstream/tls")


def test_a_tls_upstream_that_closes_in_the_handshake(start, make_origin):
    origin = make_origin(serve=lambda connection: connection.reader.more())
    porthole = start(routes=[{"host": "app.example.test", "upstream": f"https://localhost:{origin.port}"}])
    with porthole.client() as client:
        response = client.get(host="app.example.test")
        assert (response.status, response.get("Porthole-Error")) == (502, b"upstream/tls")
    assert len(origin.connections) == 1


def test_a_tls_upstream_that_says_nothing_is_a_dial_that_times_out(start, make_origin):
    origin = make_origin(serve=lambda connection: connection.wait_for_end())
    porthole = start(routes=[{"host": "app.example.test", "upstream": f"https://localhost:{origin.port}"}], timeouts={"dial": "300ms"})
    with porthole.client() as client:
        response = client.get(host="app.example.test")
        assert (response.status, response.get("Porthole-Error")) == (504, b"dial/timeout")


# Redirects


@pytest.mark.parametrize("method,status", [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308)])
def test_plain_http_is_redirected(porthole, method, status):
    with porthole.plain_client() as client:
        client.send(f"{method} /a//b?c=%20 HTTP/1.1\r\nHost: 3000-bench.preview.localhost:8080\r\nContent-Length: 0\r\n\r\n".encode())
        response = client.response(method)
        assert response.status == status
        assert response.get("Location") == f"https://3000-bench.preview.localhost:{porthole.https[1]}/a//b?c=%20".encode()


@pytest.mark.parametrize("request_", [
    b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: 3000-bench.preview.localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example/x.preview.localhost\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example#.preview.localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil.example\\.preview.localhost\r\n\r\n"])
def test_nobody_is_redirected_elsewhere(porthole, request_):
    with porthole.plain_client() as client:
        response = client.request(request_)
        assert response.status in (400, 421) and not response.all("Location")


def test_a_redirect_never_forwards(porthole, origin):
    with porthole.plain_client() as client:
        assert client.get(host=origin.host).status == 301
    assert not origin.connections


# PROXY protocol


@pytest.fixture
def proxied(start, make_origin):
    return start(listen={"proxyProtocol": True}), make_origin()


def v2(command, family, payload):
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, family]) + struct.pack("!H", len(payload)) + payload


GOOD = {
    "v1": (b"PROXY TCP4 198.51.100.7 192.0.2.1 1234 443\r\n", b"198.51.100.7"),
    "v1 over IPv6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 1234 443\r\n", b"2001:db8::7"),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", b"127.0.0.1"),
    "v1 unknown with addresses": (b"PROXY UNKNOWN ff:ff::1 ff::2 1 2\r\n", b"127.0.0.1"),
    "v2": (v2(1, 0x11, bytes([198, 51, 100, 7, 192, 0, 2, 1, 4, 210, 1, 187])), b"198.51.100.7"),
    "v2 with TLVs": (v2(1, 0x11, bytes([198, 51, 100, 7, 192, 0, 2, 1, 4, 210, 1, 187]) + b"\x03\0\x04abcd"), b"198.51.100.7"),
    "v2 over IPv6": (v2(1, 0x21, bytes.fromhex("20010db8" + "0" * 23 + "7" + "0" * 32) + b"\x04\xd2\x01\xbb"), b"2001:db8::7"),
    "v2 local": (v2(0, 0, b""), b"127.0.0.1"),
}


@pytest.mark.parametrize("name", GOOD)
def test_proxy_protocol(proxied, name):
    porthole, origin = proxied
    head, address = GOOD[name]
    with porthole.client(before=head) as client:
        assert client.get(host=origin.host).status == 200
    assert origin.requests[-1].get("X-Real-IP") == address
    assert origin.requests[-1].get("X-Forwarded-For") == address
    # The redirect listener has it as well, and pieces are put together.
    with porthole.plain_client() as client:
        for index in range(len(head)):
            client.send(head[index:index + 1])
        assert client.get(host=origin.host).status == 301


@pytest.mark.parametrize("head", [
    b"PROXY TCP4 198.51.100.7 192.0.2.1 1234\r\n", b"PROXY TCP4 999.1.1.1 192.0.2.1 1 2\r\n", b"PROXY TCP4 ::1 ::1 1 2\r\n",
    b"PROXY TCP4 198.51.100.7 192.0.2.1 70000 443\r\n", b"PROXY TCP4 198.51.100.7 192.0.2.1 1 2\n", b"PROXY " + b"x" * 200,
    b"GET / HTTP/1.1\r\n\r\n", v2(1, 0x11, b"short"), v2(7, 0x11, b"\0" * 12), b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", b"proxy tcp4 198.51.100.7 192.0.2.1 1234 443\r\n"])
def test_bad_proxy_heads_end_the_connection(proxied, head):
    porthole, origin = proxied
    with porthole.plain_client(address=porthole.https) as client:
        client.send(head)
        assert client.until_closed() == b""


def test_a_proxy_head_from_a_stranger_is_no_tls(start, make_origin):
    porthole = start(listen={"proxyProtocol": True, "trustedProxies": ["10.0.0.0/8"]})
    with porthole.plain_client(address=porthole.https) as client:
        client.send(GOOD["v1"][0])
        assert client.response().status == 400


def test_a_proxy_head_that_does_not_come(start):
    porthole = start(listen={"proxyProtocol": True}, timeouts={"handshake": "300ms", "requestHead": "300ms"})
    for address in (porthole.https, porthole.http):
        with porthole.plain_client(address=address) as client:
            client.send(b"PROXY TCP4 1")
            client.until_closed()


# The api listener


def test_health_and_metrics(porthole):
    with porthole.plain_client(address=porthole.api) as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client.request(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).status == 200
        assert client.request(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status == 404


def test_metrics_are_in_prometheus_form(porthole, origin):
    import re
    with porthole.client() as client:
        client.get(host=origin.host)
        client.get(host="3000-nobody.preview.localhost")
    with porthole.plain_client(address=porthole.api) as client:
        response = client.request(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert response.get("Content-Type").startswith((b"text/plain", b"application/openmetrics-text"))
    typed = set()
    for line in response.body.decode().splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
            continue
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_]\w*="[^"\\\n]*",?)*\})? [0-9.eE+\-]+|.* \+Inf', line)
        assert match, line
        assert any(match[1] in (name, name + "_bucket", name + "_sum", name + "_count") for name in typed), line


def test_our_own_listeners_are_nobodys_sandbox(start):
    """In open mode any port may be asked for, and this sandbox is this very machine."""
    porthole = start()
    for _, port in (porthole.https, porthole.http, porthole.api):
        with porthole.client() as client:
            client.send(f"GET /metrics HTTP/1.1\r\nHost: {port}-bench.preview.localhost\r\n\r\n".encode())
            response = client.response()
            assert response.status == 404 and response.get("Porthole-Error") == b"route/not-found"
