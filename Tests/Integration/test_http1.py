"""HTTP/1.1 in good order: what RFC 9110 and RFC 9112 promise to both sides."""

import threading

import pytest

from harness import Ended, Origin, wait_until


def ask(origin, method="GET", target="/", fields=(), body=b"", version="1.1"):
    lines = [f"{method} {target} HTTP/{version}", f"Host: {origin.host}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_get(porthole, origin):
    with porthole.client() as client:
        response = client.get(host=origin.host)
    assert (response.status, response.body) == (200, b"ok")
    assert origin.requests[0].start == b"GET / HTTP/1.1"


@pytest.mark.parametrize("method", [
    "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "M-SEARCH", "QUERY", "BREW",
    "get", "x!#$%&'*+-.^_`|~9", "A" * 32,
])
def test_any_method_passes(porthole, origin, method):
    with porthole.client() as client:
        assert client.request(ask(origin, method)).status == 200
    assert origin.requests[0].method == method.encode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET", "OPTIONS", "PROPFIND"])
def test_a_body_goes_with_any_method(porthole, origin, method):
    with porthole.client() as client:
        assert client.request(ask(origin, method, fields=["Content-Length: 5"], body=b"hello")).status == 200
    assert origin.requests[0].body == b"hello"
    assert origin.requests[0].get("Content-Length") == b"5"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_empty_body_stays_announced(porthole, origin, method):
    with porthole.client() as client:
        assert client.request(ask(origin, method, fields=["Content-Length: 0"])).status == 200
    assert origin.requests[0].get("Content-Length") == b"0"


def test_connect_to_the_outside_is_refused(porthole, origin):
    with porthole.client() as client:
        response = client.request(f"CONNECT {origin.host}:443 HTTP/1.1\r\nHost: {origin.host}:443\r\n\r\n".encode())
        assert response.status in (400, 405, 501)
    assert origin.received == b""


@pytest.mark.parametrize("target", [
    "/", "/?", "/??", "/a?b=c&d", "//", "///a//b", "/a/../b/./c", "/%2e%2e/%2F%2f", "/%00", "/%zz", "/a;b=c,d", "/a|b{c}^`\"<>",
    "/\\..\\x", "/a%20b+c", "/" + "x" * 8000, "/:@!$&'()*+,;=-._~", "/a?x=[]{}|\\^`\"<>", "/?q=%F0%9F%98%80",
])
def test_targets_are_untouched(porthole, origin, target):
    with porthole.client() as client:
        assert client.request(ask(origin, target=target)).status == 200
    assert origin.requests[0].target == target.encode()


def test_bytes_above_ascii_in_a_target_are_one_thing_or_the_other(porthole, origin):
    with porthole.client() as client:
        response = client.request(b"GET /\xc3\xa9\xff HTTP/1.1\r\nHost: " + origin.host.encode() + b"\r\n\r\n")
    if response.status == 200:
        assert origin.requests[0].target == b"/\xc3\xa9\xff"
    else:
        assert response.status == 400 and origin.received == b""


@pytest.mark.parametrize("value", [
    b"plain", b"\xff\xfe\x80", b"caf\xc3\xa9", b"a\tb", b"a  b", b"\"q\\\"\"", b"", b"x" * 20000, b"a,b, c", b";;==", b"%00%0d%0a",
])
def test_header_values_are_untouched_both_ways(porthole, origin, value):
    origin.answer = b"HTTP/1.1 200 OK\r\nX-Back: " + value + b"\r\nContent-Length: 0\r\n\r\n"
    with porthole.client() as client:
        response = client.request(
            b"GET / HTTP/1.1\r\nHost: " + origin.host.encode() + b"\r\nX-There: " + value + b"\r\n\r\n")
    assert origin.requests[0].get("X-There") == value
    assert response.get("X-Back") == value


def test_repeated_fields_keep_their_order_and_case(porthole, origin):
    origin.answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-tWo: 1\r\nSet-Cookie: b=2\r\nX-TWO: 2\r\nContent-Length: 0\r\n\r\n"
    with porthole.client() as client:
        response = client.request(ask(origin, fields=["aCCept: x/1", "X-m: 1", "ACCEPT: x/2", "x-M: 2"]))
    names = [field for field in origin.requests[0].fields if field[0].lower() in (b"accept", b"x-m")]
    assert names == [(b"aCCept", b"x/1"), (b"X-m", b"1"), (b"ACCEPT", b"x/2"), (b"x-M", b"2")]
    assert response.all("set-cookie") == [b"a=1", b"b=2"]
    assert [f for f in response.fields if f[0].lower() == b"x-two"] == [(b"X-tWo", b"1"), (b"X-TWO", b"2")]


def test_whitespace_around_values_is_removed(porthole, origin):
    with porthole.client() as client:
        client.request(ask(origin, fields=["A: \t x \t ", "B:y"]))
    assert (origin.requests[0].get("A"), origin.requests[0].get("B")) == (b"x", b"y")


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 207, 299, 300, 302, 400, 401, 402, 404, 418, 451, 500, 503, 599])
def test_statuses_and_reasons_pass(porthole, origin, status):
    origin.answer = f"HTTP/1.1 {status} A Reason \xe9\r\nContent-Length: 2\r\n\r\nhi".encode("latin-1")
    with porthole.client() as client:
        response = client.get(host=origin.host)
        assert (response.status, response.body, response.reason) == (status, b"hi", b"A Reason \xe9")
        assert not response.all("Porthole-Error")
        assert client.get(host=origin.host).status == status


def test_no_reason_at_all(porthole, origin):
    origin.answer = b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"
    with porthole.client() as client:
        assert client.get(host=origin.host).status == 200


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_head_has_no_body(porthole, origin, framing):
    origin.answer = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n"
    with porthole.client() as client:
        response = client.request(ask(origin, "HEAD"), method="HEAD")
        assert response.status == 200
        if b"Length" in framing:
            assert response.get("Content-Length") == b"1000000"
        origin.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        assert client.get(host=origin.host).body == b"ok"


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
])
def test_answers_without_a_body(porthole, origin, head):
    origin.answer = head
    with porthole.client() as client:
        for _ in range(3):
            assert client.get(host=origin.host).status == int(head[9:12])
    assert len(origin.connections) == 1


def test_ranges_are_the_origins_business(porthole, origin):
    origin.answer = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab"
    with porthole.client() as client:
        response = client.request(ask(origin, fields=["Range: bytes=0-1", "If-Range: \"x\""]))
    assert origin.requests[0].get("Range") == b"bytes=0-1"
    assert origin.requests[0].get("If-Range") == b'"x"'
    assert (response.status, response.get("Content-Range"), response.body) == (206, b"bytes 0-1/9", b"ab")


# Keep-alive and pipelining


def test_keep_alive_on_both_sides(porthole, origin):
    with porthole.client() as client:
        for _ in range(50):
            assert client.get(host=origin.host).body == b"ok"
    assert len(origin.connections) == 1


def test_connection_close_is_kept_to(porthole, origin):
    with porthole.client() as client:
        response = client.request(ask(origin, fields=["Connection: close"]))
        assert response.get("Connection") == b"close"
        assert client.until_closed() == b""
        assert client.ended_by == Ended.CLEAN
    assert not origin.requests[0].all("Connection") or b"close" not in origin.requests[0].all("Connection")


def test_origin_may_close_without_the_client_noticing(porthole, origin):
    origin.answer = lambda request, connection: connection.send(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").close()
    with porthole.client() as client:
        for _ in range(3):
            response = client.get(host=origin.host)
            assert response.body == b"ok" and not response.all("Connection")
    assert len(origin.connections) == 3


def test_pipelined_requests_with_bodies_come_back_in_order(porthole, origin):
    origin.answer = lambda request, _: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(request.target + request.body), request.target + request.body))
    kinds = [("GET", [], b""), ("POST", ["Content-Length: 3"], b"abc"),
             ("POST", ["Transfer-Encoding: chunked"], b"3\r\nxyz\r\n1;e=1\r\nq\r\n0\r\nT: 1\r\n\r\n"),
             ("HEAD", [], b""), ("PUT", ["Content-Length: 0"], b"")]
    expected, stream = [], b""
    for index in range(40):
        method, fields, body = kinds[index % len(kinds)]
        stream += ask(origin, method, f"/{index}", fields, body)
        expected.append((method, f"/{index}".encode() + {1: b"abc", 2: b"xyzq"}.get(index % len(kinds), b"")))
    with porthole.client() as client:
        threading.Thread(target=client.send, args=(stream,)).start()
        for method, body in expected:
            response = client.response(method)
            assert response.status == 200
            if method != "HEAD":
                assert response.body == body


def test_pipelined_after_an_error_of_ours(porthole, origin):
    missing = b"GET /a HTTP/1.1\r\nHost: 3000-nobody.preview.localhost\r\n\r\n"
    with porthole.client() as client:
        client.send(missing + ask(origin) + missing + ask(origin))
        assert [client.response().status for _ in range(4)] == [404, 200, 404, 200]


def test_one_byte_at_a_time(porthole, origin):
    data = ask(origin, "POST", "/slow", ["Transfer-Encoding: chunked", "X-A: b"], b"3\r\nabc\r\n0\r\nX-T: v\r\n\r\n")
    with porthole.client() as client:
        for index in range(len(data)):
            client.send(data[index:index + 1])
        assert client.response().status == 200
    assert (origin.requests[0].body, origin.requests[0].trailers) == (b"abc", [(b"X-T", b"v")])


def test_an_empty_line_before_a_request_is_ignored(porthole, origin):
    with porthole.client() as client:
        assert client.request(b"\r\n" + ask(origin)).status == 200
        assert client.request(b"\r\n" + ask(origin)).status == 200


def test_http10_client(porthole, origin):
    with porthole.client() as client:
        response = client.request(ask(origin, version="1.0"))
        assert response.body == b"ok"
        assert client.until_closed() == b"" and client.ended_by == Ended.CLEAN
    assert origin.requests[0].start.endswith(b"HTTP/1.1")


def test_http10_keep_alive(porthole, origin):
    with porthole.client() as client:
        for _ in range(3):
            response = client.request(ask(origin, version="1.0", fields=["Connection: keep-alive"]))
            assert (response.body, response.get("Connection")) == (b"ok", b"keep-alive")


def test_http10_clients_get_no_chunks_and_no_interims(porthole, origin):
    origin.answer = (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n")
    with porthole.client() as client:
        response = client.request(ask(origin, version="1.0", fields=["Connection: keep-alive"]))
        assert response.body == b"abcde" and not response.interims and not response.all("Transfer-Encoding")
        assert client.ended_by == Ended.CLEAN


def test_http10_origin(porthole, origin):
    origin.answer = lambda request, connection: connection.send(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end").close()
    with porthole.client() as client:
        for _ in range(2):
            response = client.get(host=origin.host)
            assert response.body == b"until the end" and response.start.startswith(b"HTTP/1.1 200")


def test_absolute_form(porthole, origin):
    with porthole.client() as client:
        response = client.request(
            f"GET https://{origin.host}/x?y HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode())
        assert response.status == 200
    assert origin.requests[0].start == b"GET /x?y HTTP/1.1"
    assert origin.requests[0].get("Host") == origin.host.encode()


def test_options_asterisk(porthole, origin):
    with porthole.client() as client:
        assert client.request(ask(origin, "OPTIONS", "*")).status == 200
    assert origin.requests[0].start == b"OPTIONS * HTTP/1.1"


# Trailers


def test_trailers_to_the_client(porthole, origin):
    origin.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                     b"2\r\nab\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nX-Other: z\r\n\r\n")
    with porthole.client() as client:
        response = client.request(ask(origin, fields=["TE: trailers", "Connection: TE"]))
        assert response.trailers == [(b"X-Sum", b"7"), (b"X-Other", b"z")]
        assert client.get(host=origin.host).body == b"ab"
    assert len(origin.connections) == 1


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_trailers_in_pieces(porthole, make_origin, cut):
    tail = b"0\r\nX-Checksum: abcdef\r\nX-Second: 2\r\n\r\n"
    gate = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        connection.send(tail[:cut])
        gate.wait(5)
        connection.send(tail[cut:])
        connection.request()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin))
        client.reader.more()
        gate.set()
        assert client.response().trailers == [(b"X-Checksum", b"abcdef"), (b"X-Second", b"2")]


def test_trailers_to_the_origin(porthole, origin):
    body = b"2\r\nab\r\n0\r\nX-Sum: 7\r\nHost: evil\r\nX-Forwarded-For: 1.1.1.1\r\nTransfer-Encoding: x\r\n\r\n"
    with porthole.client() as client:
        client.request(ask(origin, "POST", fields=["Transfer-Encoding: chunked", "Trailer: X-Sum"], body=body))
    assert origin.requests[0].trailers == [(b"X-Sum", b"7")]


# Interim answers


def test_100_continue_is_the_origins(porthole, make_origin):
    seen_early = []

    def serve(connection):
        head = connection.reader.head()
        seen_early.append(bytes(connection.reader.buffer))
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = connection.reader.exactly(int(head.get("Content-Length")))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin, "POST", fields=["Content-Length: 4", "Expect: 100-continue"]))
        assert client.reader.head().status == 100
        client.send(b"body")
        assert client.response().body == b"body"
    assert seen_early == [b""]
    assert b"Expect: 100-continue" in origin.received


def test_100_continue_refused_by_the_origin(porthole, make_origin):
    def serve(connection):
        connection.reader.head()
        connection.send(b"HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno")
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin, "POST", fields=["Content-Length: 4", "Expect: 100-continue"]))
        response = client.response()
        assert (response.status, response.body) == (417, b"no")
    assert not origin.connections[0].received.endswith(b"body")


def test_no_100_for_a_client_that_did_not_ask(porthole, origin):
    origin.answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with porthole.client() as client:
        assert client.get(host=origin.host).interims == []


def test_early_hints(porthole, origin):
    origin.answer = (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                     b"HTTP/1.1 103 Early Hints\r\nLink: </b.js>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with porthole.client() as client:
        response = client.get(host=origin.host)
    assert [head.get("Link") for head in response.interims] == [b"</a.css>; rel=preload", b"</b.js>"]
    assert response.body == b"ok"


def test_early_hints_come_early(porthole, make_origin):
    gate = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        gate.wait(5)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin))
        assert client.reader.head().status == 103
        gate.set()
        assert client.response().status == 200


# Streaming


def test_response_streams_as_it_comes(porthole, make_origin):
    steps = [threading.Event() for _ in range(4)]

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for index, step in enumerate(steps):
            connection.send(b"1\r\n%d\r\n" % index)
            step.wait(5)
        connection.send(b"0\r\n\r\n")

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin))
        assert client.reader.head().status == 200
        for index, step in enumerate(steps):
            assert client.reader.until(b"\r\n") == b"1\r\n" and client.reader.until(b"\r\n") == b"%d\r\n" % index
            step.set()
        assert client.reader.exactly(5) == b"0\r\n\r\n"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_request_streams_as_it_comes(porthole, make_origin, framing):
    def serve(connection):
        connection.reader.head()
        while connection.reader.more():
            pass

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        if framing == "length":
            client.send(ask(origin, "POST", fields=["Content-Length: 40"]))
        else:
            client.send(ask(origin, "POST", fields=["Transfer-Encoding: chunked"]))
        for index in range(4):
            piece = b"<piece %d>" % index
            client.send(piece if framing == "length" else b"9\r\n" + piece + b"\r\n")
            wait_until(lambda: piece in origin.received, "the piece at the origin")


def test_both_directions_at_once(porthole, make_origin):
    """The origin answers each piece of the body before it has all of it."""
    def serve(connection):
        connection.reader.head()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            size = int(connection.reader.until(b"\r\n"), 16)
            piece = connection.reader.exactly(size)
            connection.reader.exactly(2)
            connection.send(b"%x\r\n%s\r\n" % (size, piece))
        connection.reader.until(b"0\r\n\r\n")
        connection.send(b"0\r\n\r\n")

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin, "POST", fields=["Transfer-Encoding: chunked"]))
        for index in range(20):
            client.send(b"4\r\n%04d\r\n" % index)
            if index == 0:
                assert client.reader.head().status == 200
            assert client.reader.until(b"\r\n") == b"4\r\n"
            assert client.reader.exactly(6) == b"%04d\r\n" % index
        client.send(b"0\r\n\r\n")
        assert client.reader.exactly(5) == b"0\r\n\r\n"


MIB = 1 << 20


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_large_download(porthole, make_origin, framing):
    size = 200 * MIB
    piece = bytes(range(256)) * 4096

    def serve(connection):
        connection.request()
        head = {"length": b"Content-Length: %d\r\n" % size, "chunked": b"Transfer-Encoding: chunked\r\n", "close": b""}[framing]
        connection.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(size // MIB):
            connection.send(b"100000\r\n" + piece + b"\r\n" if framing == "chunked" else piece)
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")

    origin = make_origin(serve=serve)
    before = porthole.rss_kib()
    with porthole.client() as client:
        client.reader.keeps = False
        client.send(ask(origin, fields=["Connection: close"]))
        head = client.reader.head()
        assert head.status == 200
        got = len(client.reader.buffer)
        client.reader.buffer.clear()
        while client.reader.more(MIB):
            got += len(client.reader.buffer)
            client.reader.buffer.clear()
        assert client.ended_by == Ended.CLEAN
        assert got == size if head.all("Content-Length") else got >= size
    assert porthole.rss_kib() - before < 16 * 1024


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_large_upload(porthole, make_origin, framing):
    size = 200 * MIB
    got = []

    def serve(connection):
        connection.reader.keeps = False
        head = connection.reader.head()
        count = 0
        if head.all("Content-Length"):
            count = len(connection.reader.buffer)
            connection.reader.buffer.clear()
            while count < size and connection.reader.more(MIB):
                count += len(connection.reader.buffer)
                connection.reader.buffer.clear()
        else:
            while chunk := int(connection.reader.until(b"\r\n"), 16):
                count += chunk
                connection.reader.exactly(chunk + 2)
            connection.reader.exactly(2)
        got.append(count)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    piece = b"u" * MIB
    before = porthole.rss_kib()
    with porthole.client() as client:
        fields = [f"Content-Length: {size}"] if framing == "length" else ["Transfer-Encoding: chunked"]
        client.send(ask(origin, "PUT", fields=fields))
        for _ in range(size // MIB):
            client.send(piece if framing == "length" else b"100000\r\n" + piece + b"\r\n")
        if framing == "chunked":
            client.send(b"0\r\n\r\n")
        assert client.response().status == 200
    assert got == [size]
    assert porthole.rss_kib() - before < 16 * 1024


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_reader_that_stalls_holds_the_origin_back(porthole, make_origin, framing):
    sent = []
    size = 200 * MIB

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + (
            b"Content-Length: %d\r\n\r\n" % size if framing == "length" else b"Transfer-Encoding: chunked\r\n\r\n"))
        piece = b"x" * 65536
        connection.socket.settimeout(20)
        for _ in range(size // len(piece)):
            connection.send(piece if framing == "length" else b"10000\r\n" + piece + b"\r\n")
            sent.append(len(piece))
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    before = porthole.rss_kib()
    with porthole.client(receive_buffer=65536) as client:
        client.reader.keeps = False
        client.send(ask(origin))
        assert client.reader.head().status == 200
        # It stops when the kernel's buffers and one high mark are full: nothing moves for a while.
        last, since = -1, 0
        def stalled():
            nonlocal last, since
            since = since + 1 if len(sent) == last else 0
            last = len(sent)
            return since > 40
        wait_until(stalled, "the stall")
        assert sum(sent) < 40 * MIB
        assert porthole.rss_kib() - before < 8 * 1024
        # And it goes on when the reader does.
        if framing == "length":
            left = size - len(client.reader.buffer)
            client.reader.buffer.clear()
            while left > 0 and client.reader.more(MIB):
                left -= len(client.reader.buffer)
                client.reader.buffer.clear()
            assert left == 0


def test_an_origin_that_stalls_holds_the_client_back(porthole, make_origin):
    gate = threading.Event()

    def serve(connection):
        connection.reader.keeps = False
        head = connection.reader.head()
        gate.wait(20)
        left = int(head.get("Content-Length")) - len(connection.reader.buffer)
        connection.reader.buffer.clear()
        while left > 0 and connection.reader.more(MIB):
            left -= len(connection.reader.buffer)
            connection.reader.buffer.clear()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    origin = make_origin(serve=serve, receive_buffer=65536)
    size = 100 * MIB
    before = porthole.rss_kib()
    with porthole.client() as client:
        client.send(ask(origin, "POST", fields=[f"Content-Length: {size}"]))
        sent = [0]

        def upload():
            piece = b"u" * 65536
            for _ in range(size // len(piece)):
                client.send(piece)
                sent[0] += len(piece)

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        state = {"last": -1, "since": 0}
        def stalled():
            state["since"] = state["since"] + 1 if sent[0] == state["last"] else 0
            state["last"] = sent[0]
            return state["since"] > 40
        wait_until(stalled, "the stall")
        assert sent[0] < 40 * MIB
        assert porthole.rss_kib() - before < 8 * 1024
        gate.set()
        thread.join(20)
        assert client.response().status == 200


# Ends that come too soon


def test_client_abort_cancels_the_upstream(porthole, make_origin):
    def serve(connection):
        connection.request()
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    client = porthole.client()
    client.send(ask(origin))
    connection = origin.wait_for_connection()
    wait_until(lambda: connection.requests, "the request")
    client.close()
    assert connection.is_done.wait(2)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_abort_in_a_download_cancels_the_upstream(porthole, make_origin, how):
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    client = porthole.client()
    client.send(ask(origin))
    client.reader.until(b"hello\r\n")
    getattr(client, how)()
    assert origin.connections[0].is_done.wait(2)


def test_client_abort_in_an_upload_is_no_complete_request(porthole, make_origin):
    for fields, body in [(["Content-Length: 100"], b"x" * 50), (["Transfer-Encoding: chunked"], b"3\r\nabc\r\n")]:
        origin = make_origin(may_be_cut=True)
        client = porthole.client()
        client.send(ask(origin, "POST", fields=fields, body=body))
        connection = origin.wait_for_connection()
        wait_until(lambda: body[-5:].strip() in connection.received, "the body")
        client.close()
        assert connection.is_done.wait(2)
        assert not connection.requests and connection.error


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n\r\nabcde", b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
                                     b"Transfer-Encoding: chunked\r\n\r\n50\r\nabcde"])
def test_upstream_abort_truncates_the_answer(porthole, make_origin, framing, how):
    gate = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + framing)
        gate.wait(5)
        getattr(connection, how)()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(ask(origin))
        client.reader.until(b"abcde")
        gate.set()
        rest = client.until_closed()
        assert rest in (b"", b"\r\n") and b"0\r\n\r\n" not in rest
        assert client.ended_by in (Ended.TRUNCATED, Ended.RESET)


@pytest.mark.parametrize("end", ["complete", "broken"])
def test_a_slow_reader_gets_the_last_bytes(start, make_origin, end):
    """The sandbox is done, some of its answer is still queued here, and the client pauses for longer than we linger.

    How much the kernels take depends on the machine, our queue takes some 256 KiB behind that: so all sizes are tried, and
    some of them end in our queue.
    """
    import time
    porthole = start()

    def answer(request, connection):
        size = int(request.target[1:])
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size + (end == "broken")) + b"s" * size)
        connection.close()

    origin = make_origin(answer=answer)
    readers = []
    for size in range(128 * 1024, 6 * MIB, 128 * 1024):
        client = porthole.client(receive_buffer=16384)
        client.reader.keeps = False
        client.send(ask(origin, target=f"/{size}", fields=["Connection: close"]))
        readers.append((client, size))
    wait_until(lambda: len(origin.requests) == len(readers), "the requests")
    # The one sleep of this suite: it is the client's slowness itself that is tested.
    time.sleep(3)
    for client, size in readers:
        client.reader.head()
        assert len(client.until_closed()) == size
        assert client.ended_by == (Ended.CLEAN if end == "complete" else Ended.TRUNCATED)
        client.close()


def test_early_answer_while_the_client_sends(porthole, make_origin):
    def serve(connection):
        connection.reader.head()
        connection.send(b"HTTP/1.1 413 Too big\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        connection.reset()

    origin = make_origin(serve=serve)
    for _ in range(5):
        with porthole.client() as client:
            client.send(ask(origin, "POST", fields=["Content-Length: 500000000"]))
            thread = threading.Thread(target=lambda: [client.try_send(b"x" * MIB) for _ in range(4)], daemon=True)
            thread.start()
            response = client.response()
            assert (response.status, response.body, response.get("Connection")) == (413, b"big", b"close")
            thread.join(10)


def test_early_answer_on_a_kept_connection_is_not_followed_by_anything(porthole, make_origin):
    """The request's rest must not be taken for the next request, on either side."""
    def serve(connection):
        connection.reader.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        smuggled = ask(origin, target="/smuggled")
        client.send(ask(origin, "POST", fields=[f"Content-Length: {len(smuggled) + 5}"], body=b"12345"))
        response = client.response()
        assert response.body == b"ok" and response.get("Connection") == b"close"
        client.try_send(smuggled)
        assert client.until_closed() == b""
    assert b"smuggled" not in origin.received
    assert len(origin.connections) == 1
