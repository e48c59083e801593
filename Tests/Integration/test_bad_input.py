"""Malformed, oversized, ambiguous or slow requests: the listed status, a closed connection, and not one byte forwarded."""

import socket

import pytest

from harness import Ended, wait_until

OK = "Host: {host}\r\n"


def refused(porthole, origin, data, status, word=None):
    """Sends `data`; expects one answer with `status`, the end of the connection, and an origin that saw nothing."""
    if isinstance(data, str):
        data = data.replace("{host}", origin.host).encode("latin-1")
    else:
        data = data.replace(b"{host}", origin.host.encode())
    with porthole.client() as client:
        client.send(data)
        response = client.response()
        assert response.status == status, response
        if word:
            assert response.get("Porthole-Error") == word.encode()
        assert response.get("Porthole-Error").startswith(b"request/" if status != 421 else b"route/")
        assert response.get("Connection") == b"close"
        assert client.until_closed() == b"", "something came after the answer"
        assert client.ended_by == Ended.CLEAN
    assert origin.received == b"", origin.received
    assert not origin.connections, "the sandbox was dialled"


def post(fields, body=""):
    return "POST / HTTP/1.1\r\nHost: {host}\r\n" + fields + "\r\n" + body


FRAMING = {
    "both": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "both, other order": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "both, zero": "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    "length twice, the same": "Content-Length: 5\r\nContent-Length: 5\r\n",
    "length twice, different": "Content-Length: 5\r\nContent-Length: 6\r\n",
    "length list": "Content-Length: 5, 5\r\n",
    "length list, different": "Content-Length: 5, 6\r\n",
    "length, trailing comma": "Content-Length: 5,\r\n",
    "plus": "Content-Length: +5\r\n",
    "minus": "Content-Length: -5\r\n",
    "minus zero": "Content-Length: -0\r\n",
    "hexadecimal": "Content-Length: 0x5\r\n",
    "digits with a space": "Content-Length: 5 5\r\n",
    "empty length": "Content-Length:\r\n",
    "length of words": "Content-Length: five\r\n",
    "fraction": "Content-Length: 5.0\r\n",
    "exponent": "Content-Length: 5e0\r\n",
    "underscore": "Content-Length: 1_0\r\n",
    "quoted": "Content-Length: \"5\"\r\n",
    "2^63": "Content-Length: 9223372036854775808\r\n",
    "2^64": "Content-Length: 18446744073709551616\r\n",
    "2^64+5": "Content-Length: 18446744073709551621\r\n",
    "endless": "Content-Length: " + "9" * 400 + "\r\n",
    "coding twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "coding list": "Transfer-Encoding: chunked, chunked\r\n",
    "identity": "Transfer-Encoding: identity\r\n",
    "chunked not last": "Transfer-Encoding: chunked, gzip\r\n",
    "chunked, identity": "Transfer-Encoding: chunked, identity\r\n",
    "gzip alone": "Transfer-Encoding: gzip\r\n",
    "two fields": "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    "empty coding": "Transfer-Encoding:\r\n",
    "coding of nothing": "Transfer-Encoding: ,\r\n",
    "chunked,": "Transfer-Encoding: chunked,\r\n",
    ",chunked": "Transfer-Encoding: ,chunked\r\n",
    "quoted coding": "Transfer-Encoding: \"chunked\"\r\n",
    "parameter": "Transfer-Encoding: chunked;q=1\r\n",
    "xchunked": "Transfer-Encoding: xchunked\r\n",
    "vertical tab": "Transfer-Encoding: \x0bchunked\r\n",
    "form feed": "Transfer-Encoding: chunked\x0c\r\n",
    "no-break space": "Transfer-Encoding: \xa0chunked\r\n",
    "chunked with accent": "Transfer-Encoding: chunke\xe4d\r\n",
    "null": "Transfer-Encoding: chunked\0\r\n",
}


@pytest.mark.parametrize("name", FRAMING)
def test_ambiguous_framing(porthole, origin, name):
    refused(porthole, origin, post(FRAMING[name], "0\r\n\r\n"), 400)


def test_unknown_coding_is_501(porthole, origin):
    refused(porthole, origin, post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501, "request/unsupported-coding")


def test_coding_in_http10(porthole, origin):
    refused(porthole, origin, "POST / HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)


HEADS = {
    "obs-fold": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\r\n c\r\n\r\n",
    "obs-fold with a tab": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\r\n\tc: d\r\n\r\n",
    "fold on the first line": "GET / HTTP/1.1\r\n Host: x\r\nHost: {host}\r\n\r\n",
    "folded coding": "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare LF everywhere": "GET / HTTP/1.1\nHost: {host}\n\n",
    "bare LF after the request line": "GET / HTTP/1.1\nHost: {host}\r\n\r\n",
    "bare LF after a field": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\nC: d\r\n\r\n",
    "bare LF at the end": "GET / HTTP/1.1\r\nHost: {host}\r\n\n",
    "bare CR in a value": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\rC: d\r\n\r\n",
    "bare CR after the request line": "GET / HTTP/1.1\rHost: {host}\r\n\r\n",
    "CR CR LF": "GET / HTTP/1.1\r\nHost: {host}\r\r\n\r\n",
    "CR in the target": "GET /\rx HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "NUL in a value": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\0c\r\n\r\n",
    "NUL in a name": "GET / HTTP/1.1\r\nHost: {host}\r\nA\0: b\r\n\r\n",
    "NUL in the target": "GET /\0 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "NUL before it": "\0GET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "control byte in a value": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\x01c\r\n\r\n",
    "escape in a value": "GET / HTTP/1.1\r\nHost: {host}\r\nA: \x1b[31m\r\n\r\n",
    "DEL in a value": "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\x7f\r\n\r\n",
    "backspace in the target": "GET /a\x08 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "tab in the target": "GET /a\tb HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "space before the colon": "GET / HTTP/1.1\r\nHost: {host}\r\nA : b\r\n\r\n",
    "tab before the colon": "GET / HTTP/1.1\r\nHost: {host}\r\nA\t: b\r\n\r\n",
    "space before the colon of Host": "GET / HTTP/1.1\r\nHost : {host}\r\n\r\n",
    "space before the colon of the length": "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length : 5\r\n\r\nhello",
    "no colon": "GET / HTTP/1.1\r\nHost: {host}\r\nnothing\r\n\r\n",
    "no name": "GET / HTTP/1.1\r\nHost: {host}\r\n: b\r\n\r\n",
    "name with a space": "GET / HTTP/1.1\r\nHost: {host}\r\nA b: c\r\n\r\n",
    "name with a slash": "GET / HTTP/1.1\r\nHost: {host}\r\nA/b: c\r\n\r\n",
    "name with parentheses": "GET / HTTP/1.1\r\nHost: {host}\r\n(a): c\r\n\r\n",
    "name above ASCII": "GET / HTTP/1.1\r\nHost: {host}\r\n\xc3\xa9: c\r\n\r\n",
    "name with a quote": "GET / HTTP/1.1\r\nHost: {host}\r\n\"a\": c\r\n\r\n",
    "line of blanks": "GET / HTTP/1.1\r\nHost: {host}\r\n \r\n\r\n",
    "two spaces": "GET  / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "two spaces before the version": "GET /  HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "tab for a space": "GET\t/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "space at the end": "GET / HTTP/1.1 \r\nHost: {host}\r\n\r\n",
    "space before it": " GET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "space in the target": "GET /a b HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "no target": "GET HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "empty target": "GET  HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "no version": "GET /\r\nHost: {host}\r\n\r\n",
    "HTTP/0.9": "GET /\r\n",
    "lower-case version": "GET / http/1.1\r\nHost: {host}\r\n\r\n",
    "version with two digits": "GET / HTTP/1.10\r\nHost: {host}\r\n\r\n",
    "version with a letter": "GET / HTTP/1.x\r\nHost: {host}\r\n\r\n",
    "version without a dot": "GET / HTTP/11\r\nHost: {host}\r\n\r\n",
    "version with a sign": "GET / HTTP/+1.1\r\nHost: {host}\r\n\r\n",
    "other protocol": "GET / ICAP/1.1\r\nHost: {host}\r\n\r\n",
    "method with a bad byte": "G(T / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "method above ASCII": "G\xcbT / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "no method": " / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "endless method": "A" * 100 + " / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "two empty lines before it": "\r\n\r\nGET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "LF before it": "\nGET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "no Host": "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "empty Host": "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "Host twice": "GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n",
    "Host twice, different": "GET / HTTP/1.1\r\nHost: {host}\r\nhost: other.preview.localhost\r\n\r\n",
    "Host list": "GET / HTTP/1.1\r\nHost: {host}, {host}\r\n\r\n",
    "Host with a path": "GET / HTTP/1.1\r\nHost: {host}/x\r\n\r\n",
    "Host with userinfo": "GET / HTTP/1.1\r\nHost: a@{host}\r\n\r\n",
    "Host with a space": "GET / HTTP/1.1\r\nHost: {host} x\r\n\r\n",
    "Host with a scheme": "GET / HTTP/1.1\r\nHost: https://{host}\r\n\r\n",
    "Host with a bad port": "GET / HTTP/1.1\r\nHost: {host}:x\r\n\r\n",
    "Host with a huge port": "GET / HTTP/1.1\r\nHost: {host}:65536\r\n\r\n",
    "Host with an empty port": "GET / HTTP/1.1\r\nHost: {host}:\r\n\r\n",
    "Host with two ports": "GET / HTTP/1.1\r\nHost: {host}:1:2\r\n\r\n",
    "Host with percent": "GET / HTTP/1.1\r\nHost: %33000-bench.preview.localhost\r\n\r\n",
    "Host with a query": "GET / HTTP/1.1\r\nHost: {host}?x\r\n\r\n",
    "Host with a fragment": "GET / HTTP/1.1\r\nHost: {host}#x\r\n\r\n",
    "Host with a backslash": "GET / HTTP/1.1\r\nHost: {host}\\x\r\n\r\n",
    "Host above ASCII": "GET / HTTP/1.1\r\nHost: 3000-b\xe9nch.preview.localhost\r\n\r\n",
    "Host of an unclosed literal": "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "target without a slash": "GET x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "target that is a query": "GET ?x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "fragment": "GET /a#b HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "asterisk for GET": "GET * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "asterisk and more": "OPTIONS *x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "authority form": "GET {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form, no authority": "GET https:///x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form, other scheme": "GET ftp://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form, userinfo": "GET https://a@{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form, one slash": "GET https:/{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form disagrees": "GET https://4000-other.preview.localhost/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form disagrees in the port": "GET https://{host}:444/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "absolute form without Host": "GET https://{host}/ HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_malformed_head(porthole, origin, name):
    refused(porthole, origin, HEADS[name], 400)


@pytest.mark.parametrize("version", ["2.0", "3.0", "0.9", "9.9"])
def test_other_versions(porthole, origin, version):
    refused(porthole, origin, f"GET / HTTP/{version}\r\nHost: {{host}}\r\n\r\n", 505, "request/unsupported-version")


def test_a_higher_minor_version_is_http11(porthole, origin):
    with porthole.client() as client:
        assert client.request(f"GET / HTTP/1.2\r\nHost: {origin.host}\r\n\r\n".encode()).status == 200
    assert origin.requests[0].start == b"GET / HTTP/1.1"


def test_the_http2_preface_on_http11(porthole, origin):
    with porthole.client() as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.response().status in (400, 505)
        client.until_closed()


def test_tls_in_tls(porthole, origin):
    refused(porthole, origin, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, 400)


def test_plain_http_on_the_tls_port(porthole):
    with porthole.plain_client(address=porthole.https) as client:
        response = client.get()
        assert (response.status, response.get("Porthole-Error")) == (400, b"request/plain-http-on-tls-port")
        assert client.until_closed() == b""


def test_unknown_expectation(porthole, origin):
    refused(porthole, origin, post("Content-Length: 5\r\nExpect: miracles\r\n", "hello"), 417, "request/expectation-failed")


# Chunks. The head is fine, so it may have been forwarded; what must not be is a request that looks complete.

CHUNKS = {
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "letters": b"xyz\r\nabc\r\n0\r\n\r\n",
    "minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "space before": b" 3\r\nabc\r\n0\r\n\r\n",
    "space after": b"3 \r\nabc\r\n0\r\n\r\n",
    "tab after": b"3\t\r\nabc\r\n0\r\n\r\n",
    "underscore": b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n",
    "seventeen digits": b"00000000000000003\r\nabc\r\n0\r\n\r\n",
    "2^63": b"8000000000000000\r\nabc",
    "2^64": b"10000000000000000\r\nabc",
    "2^64-1": b"ffffffffffffffff\r\nabc",
    "bare LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "bare CR after the size": b"3\rabc\r\n0\r\n\r\n",
    "CR CR LF": b"3\r\r\nabc\r\n0\r\n\r\n",
    "bare LF after the data": b"3\r\nabc\n0\r\n\r\n",
    "nothing after the data": b"3\r\nabc0\r\n\r\n",
    "too much data": b"3\r\nabcd\r\n0\r\n\r\n",
    "too little data": b"3\r\nab\r\n0\r\n\r\n",
    "extension without a name": b"3;\r\nabc\r\n0\r\n\r\n",
    "extension with a space": b"3; a=b\r\nabc\r\n0\r\n\r\n",
    "space before the extension": b"3 ;a=b\r\nabc\r\n0\r\n\r\n",
    "extension without a value": b"3;a=\r\nabc\r\n0\r\n\r\n",
    "extension with LF": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "extension with CR": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "extension with NUL": b"3;a=\"\0\"\r\nabc\r\n0\r\n\r\n",
    "extension with an open quote": b"3;a=\"b\r\nabc\r\n0\r\n\r\n",
    "endless extension": b"3;" + b"a" * 4096 + b"\r\nabc\r\n0\r\n\r\n",
    "bare LF at the end": b"3\r\nabc\r\n0\n\n",
    "bare LF after the last chunk": b"3\r\nabc\r\n0\r\n\n",
    "trailer with a fold": b"0\r\nA: b\r\n c\r\n\r\n",
    "trailer with LF": b"0\r\nA: b\nC: d\r\n\r\n",
    "trailer with NUL": b"0\r\nA: \0\r\n\r\n",
    "trailer without a colon": b"0\r\nnothing\r\n\r\n",
    "trailer with a space before the colon": b"0\r\nA : b\r\n\r\n",
    "endless trailer": b"0\r\nA: " + b"b" * 70000 + b"\r\n\r\n",
    "many trailers": b"0\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
}


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("name", CHUNKS)
def test_malformed_chunks(porthole, make_origin, name, split):
    origin = make_origin(may_be_cut=True)
    head = f"POST / HTTP/1.1\r\nHost: {origin.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with porthole.client() as client:
        if split:
            client.send(head)
            wait_until(lambda: origin.connections, "the dial")
            client.try_send(CHUNKS[name])
        else:
            client.send(head + CHUNKS[name])
        response = client.response()
        assert (response.status, response.get("Connection")) == (400, b"close"), response
        assert client.until_closed() == b""
    for connection in origin.connections:
        assert connection.is_done.wait(5)
        assert not connection.requests, "a broken request looked complete"
        assert not connection.received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("size", [b"3", b"03", b"0000000000000003", b"3;a", b"3;a=b", b"3;a=\"b;c\\\"d\"", b"3;a;b=c;d"])
def test_chunk_forms_that_are_fine(porthole, origin, size):
    with porthole.client() as client:
        response = client.request(
            f"POST / HTTP/1.1\r\nHost: {origin.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + size + b"\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n")
        assert response.status == 200
    assert origin.requests[0].body == b"abc0123456789"
    assert b";" not in origin.received.split(b"\r\n\r\n", 1)[1], "extensions are of one hop only"


def test_chunked_is_case_insensitive(porthole, origin):
    with porthole.client() as client:
        assert client.request(
            f"POST / HTTP/1.1\r\nHost: {origin.host}\r\ntransfer-ENCODING: \t ChUnKeD \r\n\r\n1\r\nx\r\n0\r\n\r\n".encode()).status == 200
    assert origin.requests[0].body == b"x"


# Limits


def test_request_line_limit(porthole, origin):
    refused(porthole, origin, "GET /" + "x" * 20000 + " HTTP/1.1\r\nHost: {host}\r\n\r\n", 414, "request/uri-too-long")


def test_endless_request_line(porthole, origin):
    refused(porthole, origin, "GET /" + "x" * 17000, 414)


def test_head_limit(porthole, origin):
    refused(porthole, origin, "GET / HTTP/1.1\r\nHost: {host}\r\nA: " + "x" * 70000 + "\r\n\r\n", 431, "request/head-too-large")


def test_endless_head(porthole, origin):
    refused(porthole, origin, "GET / HTTP/1.1\r\nHost: {host}\r\n" + "A: " + "x" * 70000, 431)


def test_field_count_limit(porthole, origin):
    refused(porthole, origin, "GET / HTTP/1.1\r\nHost: {host}\r\n" + "A: b\r\n" * 200 + "\r\n", 431, "request/head-too-large")


def test_as_much_as_is_allowed(porthole, origin):
    fields = "".join(f"X-{n}: {'v' * 400}\r\n" for n in range(126))
    with porthole.client() as client:
        assert client.request(
            f"GET /{'x' * 12000} HTTP/1.1\r\nHost: {origin.host}\r\n{fields}\r\n".encode()).status == 200
    assert len([name for name in origin.requests[0].names if name.startswith(b"x-")]) >= 126


def test_limits_as_configured(start, make_origin):
    porthole = start(limits={"requestLineBytes": 256, "headBytes": 2048, "headFields": 10, "bodyBytes": 1000})
    for data, status in [
        ("GET /" + "x" * 300 + " HTTP/1.1\r\nHost: {host}\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: {host}\r\nA: " + "x" * 2100 + "\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: {host}\r\n" + "A: b\r\n" * 11 + "\r\n", 431),
        (post("Content-Length: 1001\r\n", "x" * 1001), 413),
    ]:
        refused(porthole, make_origin(), data, status)
    # A body that has no length is counted as it comes.
    origin = make_origin(may_be_cut=True)
    with porthole.client() as client:
        client.send(post("Transfer-Encoding: chunked\r\n", "400\r\n" + "x" * 1024 + "\r\n").replace("{host}", origin.host).encode())
        response = client.response()
        assert (response.status, response.get("Porthole-Error")) == (413, b"request/body-too-large")
        client.until_closed()
    assert not origin.requests
    origin = make_origin()
    with porthole.client() as client:
        assert client.request(post("Content-Length: 1000\r\n", "x" * 1000).replace("{host}", origin.host).encode()).status == 200


def test_the_largest_limits_that_can_be_configured(start, make_origin):
    """1 MiB of head fits through every buffer, in both directions and with a body behind it."""
    porthole = start(limits={"headBytes": "1MiB", "headFields": 1024, "requestLineBytes": "1MiB"})
    big = b"v" * 1_000_000
    origin = make_origin(answer=b"HTTP/1.1 200 OK\r\nX-Big: " + big + b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    head = b"POST / HTTP/1.1\r\nHost: " + origin.host.encode() + b"\r\nX-Big: " + big + b"\r\n"
    with porthole.client() as client:
        for fields in [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]:
            response = client.request(head + fields)
            assert response.status == 200 and response.get("X-Big") == big and response.body == b"abc"
    assert [request.get("X-Big") == big and request.body for request in origin.requests] == [b"abc", b"abc"]
    with porthole.client() as client:
        response = client.request(b"GET /" + big + b" HTTP/1.1\r\nHost: " + origin.host.encode() + b"\r\n\r\n")
        assert response.status == 200
    many = b"".join(b"A: b\r\n" for _ in range(1023))
    with porthole.client() as client:
        assert client.request(b"GET / HTTP/1.1\r\nHost: " + origin.host.encode() + b"\r\n" + many + b"\r\n").status == 200


def test_a_large_body_refused_by_length_still_gets_its_answer(start, make_origin):
    """The client sends all of its body before it reads, as many libraries do."""
    porthole = start(limits={"bodyBytes": 1000})
    origin = make_origin()
    with porthole.client() as client:
        client.send(post("Content-Length: 20000000\r\n").replace("{host}", origin.host).encode())
        assert client.try_send(b"x" * 20_000_000)
        assert client.response().status == 413
    assert not origin.connections


# Slowness


def test_slow_head(start, make_origin):
    porthole = start(timeouts={"requestHead": "300ms", "keepAliveIdle": "30s"})
    refused(porthole, make_origin(), "GET / HTTP/1.1\r\nHost: {host}\r\nA: b", 408, "request/timeout")


def test_slow_head_after_another_request(start, make_origin):
    porthole = start(timeouts={"requestHead": "300ms", "keepAliveIdle": "60s"})
    origin = make_origin()
    whole = f"GET / HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode()
    for pieces in [[whole, whole[:20]], [whole + whole[:20]]]:
        with porthole.client() as client:
            client.send(pieces[0])
            assert client.response().status == 200
            for piece in pieces[1:]:
                client.send(piece)
            assert client.response().status == 408
            client.until_closed()


def test_a_connection_that_says_nothing(start):
    porthole = start(timeouts={"requestHead": "300ms", "keepAliveIdle": "300ms"})
    with porthole.client() as client:
        assert client.until_closed() == b""
        assert client.ended_by == Ended.CLEAN


def test_a_handshake_that_does_not_come(start):
    porthole = start(timeouts={"handshake": "300ms"})
    with porthole.plain_client(address=porthole.https) as client:
        assert client.until_closed() == b""
    with porthole.plain_client(address=porthole.https) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01")
        assert client.until_closed() == b""


def test_keep_alive_ends(start, make_origin):
    porthole = start(timeouts={"keepAliveIdle": "300ms"})
    origin = make_origin()
    with porthole.client() as client:
        assert client.get(host=origin.host).status == 200
        assert client.until_closed() == b"" and client.ended_by == Ended.CLEAN


@pytest.mark.parametrize("data", [post("Content-Length: 5\r\n", "he"), post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
                                  post("Transfer-Encoding: chunked\r\n", "3"), post("Content-Length: 5\r\n")])
def test_slow_body(start, make_origin, data):
    porthole = start(timeouts={"requestBodyIdle": "300ms"})
    origin = make_origin(may_be_cut=True)
    with porthole.client() as client:
        client.send(data.replace("{host}", origin.host).encode())
        response = client.response()
        assert (response.status, response.get("Porthole-Error")) == (408, b"request/timeout")
        assert client.until_closed() == b""
    assert not origin.requests


def test_a_body_that_comes_slowly_but_comes(start, make_origin):
    porthole = start(timeouts={"requestBodyIdle": "300ms"})
    origin = make_origin()
    with porthole.client() as client:
        client.send(post("Content-Length: 6\r\n").replace("{host}", origin.host).encode())
        client.socket.settimeout(0.15)
        for byte in b"abcdef":
            with pytest.raises((socket.timeout, TimeoutError)):
                client.socket.recv(1)
            client.send(bytes([byte]))
        client.socket.settimeout(10)
        assert client.response().status == 200


def test_many_slow_clients_harm_nobody(porthole, make_origin):
    origin = make_origin()
    slow = [porthole.client() for _ in range(100)]
    for client in slow:
        client.send(b"GET / HTTP/1.1\r\nHost: ")
    for _ in range(50):
        with porthole.client() as client:
            assert client.get(host=origin.host).status == 200
    for client in slow:
        client.close()
