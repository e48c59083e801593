"""HTTP/2 clients: what arrives, what comes back, who waits for whom, and how it ends."""

import shutil
import struct
import subprocess

import pytest

from h2kit import *  # noqa: F403
from h2kit import client, origin, proxy  # noqa: F401: fixtures


def seen(response):
    assert response.status == 200, response.headers
    return json.loads(response.body)


# --- requests


def test_head_arrives_whole(client):
    got = seen(client.get("/seen?a=%2F&&b=//&c", method="PATCH", extra=[("x-a", "1"), ("x-a", "2"), ("accept", "*/*"), ("user-agent", "x")]))
    assert got["method"] == "PATCH" and got["target"] == "/seen?a=%2F&&b=//&c"
    names = [name.lower() for name, _ in got["headers"]]
    assert names.count("x-a") == 2 and names.count("host") == 1
    assert dict((name.lower(), value) for name, value in got["headers"])["x-forwarded-proto"] == "https"


def test_cookie_crumbs_are_joined(client):
    """RFC 9113 §8.2.3."""
    got = seen(client.get("/seen", extra=[("cookie", "a=1"), ("x-between", "y"), ("cookie", "b=2; c=3"), ("cookie", "__Host-porthole=secret"), ("cookie", "d=4")]))
    assert [value for name, value in got["headers"] if name.lower() == "cookie"] == ["a=1; b=2; c=3; d=4"]


def test_te_trailers_does_not_reach_http1(client):
    got = seen(client.get("/seen", extra=[("te", "trailers")]))
    assert "te" not in [name.lower() for name, _ in got["headers"]]


def test_token_and_forwarding_fields_are_ours(client):
    got = seen(client.get("/seen", extra=[("x-forwarded-for", "6.6.6.6"), ("x-real-ip", "6.6.6.6"), ("x-porthole-token", "t"), ("forwarded", "for=6.6.6.6")]))
    fields = {name.lower(): value for name, value in got["headers"]}
    assert fields["x-forwarded-for"] == "127.0.0.1" and fields["x-real-ip"] == "127.0.0.1"
    assert "x-porthole-token" not in fields and "forwarded" not in fields


def test_body_with_length_and_without(client):
    with_length = client.headers(client.head("POST", "/seen", [("content-length", "5")]), end=False)
    client.data(with_length, b"hello", end=True)
    got = seen(client.response(with_length))
    assert got["bytes"] == 5 and {k.lower(): v for k, v in got["headers"]}["content-length"] == "5"
    got = seen(client.get("/seen", method="POST", body=b"hello"))
    assert got["bytes"] == 5 and {k.lower(): v for k, v in got["headers"]}["transfer-encoding"] == "chunked"


def test_request_trailers(client):
    stream = client.request("/seen", "POST", body=b"hello", end=False)
    client.headers([("x-sum", "42"), ("x-porthole-token", "t"), ("x-forwarded-for", "6.6.6.6"), ("cookie", "a=b")], stream=stream)
    got = seen(client.response(stream))
    assert got["bytes"] == 5
    assert [name.lower() for name, _ in got["trailers"]] == ["x-sum"]


def test_request_trailers_that_come_before_the_upstream(proxy):
    """The port opens while the request waits, body and trailers and all."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with H2(proxy, f"{port}-any.{DOMAIN}") as c:
        c.settle()
        stream = c.request("/seen", "POST", body=b"hello" * 1000, end=False)
        c.headers([("x-sum", "42")], stream=stream)
        c.ping()
        late = Origin.__new__(Origin)
        late.__init__()
        late.listener.close()
        late.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=late._accept, daemon=True).start()
        got = seen(c.response(stream))
        late.close()
        assert got["bytes"] == 5000 and got["trailers"] == [["X-Sum", "42"]] or got["trailers"] == [["x-sum", "42"]]


def test_trailers_that_are_too_large_end_the_stream_only(client, origin):
    stream = client.request("/hold?large-trailers", "POST", body=b"hello", end=False)
    origin.event("large-trailers-begun").wait(5)
    block = client.encode([(f"x-{i}", "v" * 1000) for i in range(80)])
    client.frame(HEADERS, END_STREAM, stream, block[:16384])
    for at in range(16384, len(block), 16384):
        client.frame(CONTINUATION, END_HEADERS if at + 16384 >= len(block) else 0, stream, block[at:at + 16384])
    client.until(lambda: stream in client.responses and client.responses[stream].reset is not None)
    origin.event("large-trailers").set()
    client.expect_alive()


def test_trailers_in_pieces_around_the_end_of_the_stream(client, origin):
    """The answer breaks, and with it the stream, while its trailer section is half-way."""
    for name in ("cut-a", "cut-b"):
        stream = client.request("/cut", "POST", body=b"", end=False)
        block = client.encode([("x-sum", "v" * 100)])
        client.gives_window = False
        client.frame(HEADERS, END_STREAM, stream, block[:20])
        client.until(lambda: stream in client.responses and client.responses[stream].reset is not None)
        time.sleep(0.05)
        client.frame(CONTINUATION, END_HEADERS, stream, block[20:])
        client.expect_alive()


# --- responses


def test_response_trailers(client):
    response = client.get("/trailers", extra=[("te", "trailers")])
    assert response.body == b"hello" and response.trailers == [("x-sum", "42")]


def test_early_hints(client):
    response = client.get("/hints")
    assert [dict(fields)[":status"] for fields in response.interim] == ["103"]
    assert dict(response.interim[0])["link"] == "</a.css>; rel=preload"
    assert response.body == b"hello\n"


def test_expect_continue(client):
    stream = client.headers(client.head("POST", "/continue", [("expect", "100-continue"), ("content-length", "3")]), end=False)
    client.until(lambda: stream in client.responses and client.responses[stream].interim)
    assert dict(client.responses[stream].interim[0])[":status"] == "100"
    client.data(stream, b"abc", end=True)
    assert client.response(stream).body == b"3"


@pytest.mark.parametrize("method,path,status,length", [("HEAD", "/head", 200, "99"), ("GET", "/status/204", 204, None), ("GET", "/status/304", 304, "1234")])
def test_responses_without_a_body(client, method, path, status, length):
    response = client.get(path, method=method)
    assert response.status == status and response.header("content-length") == length and response.body == b"" and response.ended
    client.expect_alive()


def test_connection_fields_of_the_app_stay_behind(client):
    response = client.get("/cookies")
    names = [name for name, _ in response.headers]
    assert "connection" not in names and "keep-alive" not in names
    cookies = [value for name, value in response.headers if name == "set-cookie"]
    assert cookies[0] == "a=1" and all("domain" not in cookie.lower() for cookie in cookies)


def test_early_answer_resets_with_no_error(client):
    """RFC 9113 §8.1: a complete response, then RST_STREAM NO_ERROR, so that the client stops sending."""
    stream = client.headers(client.head("POST", "/early", [("content-length", "10000000")]), end=False)
    client.data(stream, b"x" * 1000)
    response = client.response(stream)
    client.until(lambda: response.reset is not None)
    assert response.status == 413 and response.body == b"too much\n" and response.ended and response.reset == NO_ERROR
    client.data(stream, b"x" * 1000)
    client.expect_alive()


def test_own_error_to_an_unfinished_request(client):
    stream = client.headers(client.head("POST", "/x", authority=client.authority.replace("-any.", "-nobody.")), end=False)
    response = client.response(stream)
    client.until(lambda: response.reset is not None)
    assert response.status in (404, 421) and response.reset == NO_ERROR and response.header("porthole-forwarded") == "no"


@pytest.mark.parametrize("path", ["/short", "/cut"])
def test_a_response_that_breaks_is_a_reset(client, path):
    response = client.get(path)
    # The reset may overtake a head that came in the same moment.
    assert response.status in (200, None) and not response.ended and response.reset == INTERNAL_ERROR
    client.expect_alive()


@pytest.mark.parametrize("path,word", [("/garbage", "upstream/malformed"), ("/break", "upstream/")])
def test_a_bad_answer_is_502(client, path, word):
    response = client.get(path, method="POST", body=b"")
    assert response.status == 502 and response.header("porthole-error").startswith(word)
    client.expect_alive()


def test_large_response_head(client):
    response = client.get("/fields?100")
    assert len([name for name, _ in response.headers if name.startswith("x-field-")]) == 100


# --- limits


def test_header_list_that_is_too_large(client):
    block = client.encode(client.head(extra=[("x", "v" * 40000), ("y", "v" * 40000)]))
    stream = client.open()
    client.frame(HEADERS, END_STREAM, stream, block[:16384])
    for at in range(16384, len(block), 16384):
        client.frame(CONTINUATION, END_HEADERS if at + 16384 >= len(block) else 0, stream, block[at:at + 16384])
    response = client.response(stream)
    assert response.status == 431 and response.header("porthole-error") == "request/head-too-large"
    client.expect_alive()


def test_too_many_fields(client):
    response = client.get("/hello", extra=[(f"x-{i}", "v") for i in range(500)])
    assert response.status == 431
    client.expect_alive()


def test_hpack_bomb(proxy, client):
    """4 KiB in the table, referred to thousands of times: megabytes out of kilobytes."""
    before = proxy.memory()
    for _ in range(20):
        encoder = client.encoder
        block = encoder.encode(client.head(), huffman=False) + b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000
        block += b"\xbe" * 12000
        stream = client.open()
        client.frame(HEADERS, END_HEADERS | END_STREAM, stream, block[:16384])
        client.until(lambda: client.goaway or (stream in client.responses and (client.responses[stream].ended or client.responses[stream].reset is not None)))
        if client.goaway:
            break
    assert proxy.memory() - before < 16 << 20


def test_uri_that_is_too_long(client):
    assert client.get("/" + "a" * 20000).status == 414


def test_head_that_stops_half_way():
    """A header block that is never finished blocks its whole connection (§6.10): it has a deadline."""
    proxy, quiet = Proxy("timeouts: {requestHead: 400ms}"), Origin()
    try:
        with H2(proxy, quiet.host) as c:
            c.settle()
            held = c.request("/hold?x")
            c.frame(HEADERS, END_STREAM, c.open(), c.encode(c.head())[:10])
            assert c.outcome(5) in (ENHANCE_YOUR_CALM, None)
            assert not c.responses.get(held) or not c.responses[held].ended
    finally:
        quiet.event("x").set()
        quiet.close()
        proxy.stop()


def test_body_that_stops_half_way():
    proxy, quiet = Proxy("timeouts: {requestBodyIdle: 400ms}"), Origin()
    try:
        with H2(proxy, quiet.host) as c:
            c.settle()
            stream = c.headers(c.head("POST", "/count", [("content-length", "10")]), end=False)
            c.data(stream, b"abc")
            assert c.response(stream, 5).status == 408
            c.expect_alive()
    finally:
        quiet.close()
        proxy.stop()


def test_idle_connection_is_closed_with_goaway():
    proxy, quiet = Proxy("timeouts: {keepAliveIdle: 400ms}"), Origin()
    try:
        with H2(proxy, quiet.host) as c:
            c.settle().expect_alive()
            begun = time.time()
            assert c.outcome(5) == NO_ERROR and c.goaway.last_stream == 1
            assert time.time() - begun < 4
    finally:
        quiet.close()
        proxy.stop()


def test_answer_that_nobody_reads_is_given_up():
    proxy, quiet = Proxy("timeouts: {keepAliveIdle: 400ms, requestHead: 400ms}"), Origin()
    try:
        with H2(proxy, quiet.host, settings=[(4, 0)]) as c:
            c.settle()
            c.gives_window = False
            stream = c.request("/bytes/1000")
            c.until(lambda: stream in c.responses and c.responses[stream].reset is not None, 5)
            assert c.responses[stream].reset == CANCEL
    finally:
        quiet.close()
        proxy.stop()


# --- flow


def test_large_download(client, proxy):
    before = proxy.memory()
    response = client.get("/bytes/100000000", timeout=60)
    assert len(response.body) == 100000000
    assert response.body[:512] == bytes(range(256)) * 2 and response.body[-1] == (100000000 - 1) % 256
    assert proxy.memory() - before < 16 << 20


def test_large_upload(client, proxy):
    before = proxy.memory()
    stream = client.headers(client.head("POST", "/count", [("content-length", "50000000")]), end=False)
    client.upload(stream, 50000000)
    assert client.response(stream, 20).body == b"50000000"
    assert proxy.memory() - before < 16 << 20


def test_upload_to_a_slow_origin_is_held_back(proxy):
    quiet = Origin()
    before = proxy.memory()
    try:
        with H2(proxy, quiet.host) as c:
            c.settle()
            stream = c.headers(c.head("POST", "/unread"), end=False)
            with pytest.raises(TimeoutError):
                c.upload(stream, 200 << 20, timeout=3)
            assert proxy.memory() - before < 16 << 20
            # Others are not held back by it.
            assert c.get("/hello").status == 200
            big = c.request("/count", "POST", body=None, end=False)
            c.data(big, b"x" * 60000, end=True)
            assert c.response(big).body == b"60000"
    finally:
        quiet.event("unread").set()
        quiet.close()


def test_many_stalled_uploads_leave_the_connection_usable(proxy):
    """Windows are given back when a stream is reset, whatever it had in flight."""
    quiet = Origin()
    try:
        with H2(proxy, quiet.host) as c:
            c.settle()
            for _ in range(12):
                stream = c.headers(c.head("POST", "/unread"), end=False)
                c.upload(stream, 200000)
                c.ping()
                c.reset(stream)
            stream = c.headers(c.head("POST", "/count", [("content-length", "5000000")]), end=False)
            c.upload(stream, 5000000, 20)
            assert c.response(stream).body == b"5000000"
    finally:
        quiet.event("unread").set()
        quiet.close()


def test_uploads_whose_origin_breaks_leave_the_connection_usable(proxy):
    def breaks(request):
        if request.target == "/breaks":
            request.take(10)
            request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return True
        return standard(request)

    fragile = Origin(breaks)
    try:
        with H2(proxy, fragile.host) as c:
            c.settle()
            for _ in range(40):
                stream = c.headers(c.head("POST", "/breaks"), end=False)
                c.data(stream, b"x" * 60000)
                assert c.response(stream).status == 502
            c.ping()
            assert c.window(0) > 400000, "all that was sent has been given back but for the last bit"
    finally:
        fragile.close()


def test_stalled_download_does_not_stall_others(proxy, client):
    before = proxy.memory()
    client.gives_window = False
    # The connection's window is large, the streams' are not.
    client.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30))
    stalled = [client.request("/bytes/50000000") for _ in range(20)]
    client.until(lambda: all(stream in client.responses and len(client.responses[stream].body) == 65535 for stream in stalled))
    client.gives_window = True
    assert len(client.get("/bytes/3000000").body) == 3000000
    time.sleep(0.3)
    assert proxy.memory() - before < 32 << 20
    for stream in stalled:
        client.reset(stream)
    client.expect_alive()


def test_client_that_does_not_read_the_socket(proxy, origin):
    """No window says stop; only TCP does."""
    before = proxy.memory()
    with H2(proxy, origin.host, settings=[(4, 0x7FFFFFFF)], window=0x7FFFFFFF - 65535) as c:
        c.settle()
        streams = [c.request("/bytes/200000000") for _ in range(4)]
        time.sleep(1.5)
        assert proxy.memory() - before < 32 << 20
        with H2(proxy, origin.host) as other:
            other.settle().expect_alive()
        c.gives_window = False
        c.until(lambda: all(stream in c.responses and len(c.responses[stream].body) > 3000000 for stream in streams), 20)


def test_thousands_of_streams_on_one_connection(client, proxy):
    for _ in range(100):
        streams = [client.request("/hello") for _ in range(50)]
        for stream in streams:
            assert client.response(stream).body == b"hello\n"
    wait_for(lambda: proxy.metric("porthole_http2_streams_open") == 0, what="all streams closed")


def test_streams_reset_in_the_middle(client, proxy, origin):
    for turn in range(30):
        streams = [client.request(f"/bytes/{turn * 70000}") for _ in range(10)]
        uploads = [client.headers(client.head("POST", "/echo"), end=False) for _ in range(5)]
        for stream in uploads:
            client.data(stream, b"x" * 1000)
        for stream in streams[::2] + uploads:
            client.reset(stream)
        for stream in streams[1::2]:
            assert len(client.response(stream).body) == turn * 70000
    client.expect_alive()
    wait_for(lambda: proxy.metric("porthole_http2_streams_open") == 0, what="all streams closed")
    wait_for(lambda: proxy.metric("porthole_requests_in_flight") == 0, what="all requests ended")


def test_client_that_vanishes(proxy, origin):
    for path in ("/hold?vanish", "/bytes/100000000", "/drip"):
        with H2(proxy, origin.host) as c:
            c.settle()
            for _ in range(20):
                c.request(path)
            c.request("/echo", "POST", body=b"x" * 5000, end=False)
            c.ping()
    origin.event("vanish").set()
    wait_for(lambda: proxy.metric("porthole_requests_in_flight") == 0, what="all requests ended")
    wait_for(lambda: proxy.metric("porthole_http2_streams_open") == 0, what="all streams closed")


def test_protocol_error_with_streams_in_flight(proxy, origin):
    for _ in range(5):
        with H2(proxy, origin.host) as c:
            c.settle()
            for _ in range(20):
                c.request("/hold?erring")
            c.frame(PING, 0, 1, b"12345678")
            assert c.outcome() == PROTOCOL_ERROR
    wait_for(lambda: proxy.metric("porthole_requests_in_flight") == 0, what="all requests ended")
    origin.event("erring").set()


# --- floods


def flood(proxy, host, make, count=200000, **arguments):
    """Sends until it is told to stop; returns the GOAWAY's code, or None, and how many went through."""
    before = proxy.memory()
    with H2(proxy, host, **arguments) as c:
        c.settle()
        c.gives_window = False
        sent = 0
        try:
            while sent < count and not c.goaway:
                c.raw(b"".join(make(c, sent + i) for i in range(500)))
                sent += 500
                while select.select([c.sock], [], [], 0)[0]:
                    c.read(0.5)
        except (Closed, TimeoutError):
            pass
        try:
            code = c.outcome(3)
        except TimeoutError:
            code = None
    assert proxy.memory() - before < 24 << 20
    assert proxy.alive()
    return code, sent


@pytest.mark.parametrize("name", ["ping", "settings", "priority", "empty data", "reset", "bad window update", "empty trailers"])
def test_floods_end_the_connection(proxy, origin, name):
    state = {}

    def make(c, index):
        if name == "ping":
            return H2.pack(PING, 0, 0, b"12345678")
        if name == "settings":
            return H2.pack(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535))
        if name == "priority":
            return H2.pack(PRIORITY, 0, 1, b"\0\0\0\0\x10")
        if name == "empty data":
            first = b"" if "stream" in state else H2.pack(HEADERS, END_HEADERS, state.setdefault("stream", c.open()), c.encode(c.head("POST", "/unread")))
            return first + H2.pack(DATA, 0, state["stream"])
        stream = c.open()
        head = H2.pack(HEADERS, END_HEADERS | END_STREAM, stream, c.encode(c.head(path="/hello")))
        if name == "reset":
            return head + H2.pack(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
        if name == "bad window update":
            # The reset is ours, made for the asking.
            return H2.pack(HEADERS, END_HEADERS, stream, c.encode(c.head("POST", "/hello"))) + H2.pack(WINDOW_UPDATE, 0, stream, b"\0\0\0\0")
        return H2.pack(HEADERS, END_HEADERS, stream, c.encode(c.head("POST", "/hello"))) + H2.pack(HEADERS, END_HEADERS, stream, b"")

    # On a stream that stays open: nghttp2 drops DATA on others without a word, which costs us no more than the bytes.
    origin.event("unread").clear()
    dials = len(origin.seen)
    code, sent = flood(proxy, origin.host, make)
    assert sent < 200000, f"{sent} were taken"
    assert code in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, INTERNAL_ERROR, None)
    if name == "reset":
        assert len(origin.seen) - dials < sent, "not every one of them troubled the origin"
    origin.event("unread").set()


def test_continuation_flood(proxy, origin):
    before = proxy.memory()
    with H2(proxy, origin.host) as c:
        c.settle()
        c.frame(HEADERS, END_STREAM, c.open(), c.encode(c.head()))
        try:
            for _ in range(2000):
                c.frame(CONTINUATION, 0, 1, c.encode([("x-" + "n" * 100, "v" * 8000)]))
            code = c.outcome()
        except Closed:
            code = None
        assert code in (None, ENHANCE_YOUR_CALM, PROTOCOL_ERROR, INTERNAL_ERROR)
    assert proxy.memory() - before < 16 << 20


def test_answers_that_are_not_read(proxy, origin):
    """Pings and small requests of a client that never reads: neither answers nor requests pile up."""
    before = proxy.memory()
    with H2(proxy, origin.host) as c:
        c.settle()
        c.sock.settimeout(1)
        head = c.encode(c.head(path="/hello"))
        try:
            for _ in range(3000):
                c.raw(b"".join(H2.pack(HEADERS, END_HEADERS | END_STREAM, c.open(), head) + H2.pack(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") for _ in range(20)))
        except (Closed, OSError):
            pass
        assert proxy.memory() - before < 32 << 20
    assert proxy.alive()


# --- the end


def test_drain_finishes_what_runs():
    proxy, origin = Proxy("timeouts: {drain: 10s}"), Origin()
    try:
        with H2(proxy, origin.host) as c, H2(proxy, origin.host) as idle:
            idle.settle().expect_alive()
            c.settle()
            running = c.request("/hold?drain")
            origin.event("drain-begun").wait(5)
            proxy.terminate()
            c.until(lambda: c.goaway)
            assert c.goaway.code == NO_ERROR
            # On its way when the notice came: still served.
            late = c.request("/hello")
            assert c.response(late).status == 200
            origin.event("drain").set()
            assert c.response(running).body == b"held\n"
            assert c.outcome() == NO_ERROR and c.goaway.last_stream == late
            assert idle.outcome() == NO_ERROR and idle.goaway.last_stream == 1
        assert proxy.process.wait(5) == 0
    finally:
        proxy.stop()
        origin.close()


def test_drain_ends_what_does_not_end():
    proxy, origin = Proxy("timeouts: {drain: 500ms}"), Origin()
    try:
        with H2(proxy, origin.host) as c:
            c.settle()
            c.request("/hold?endless")
            origin.event("endless-begun").wait(5)
            proxy.terminate()
            assert c.outcome(5) == NO_ERROR
        assert proxy.process.wait(5) == 0
    finally:
        origin.event("endless").set()
        proxy.stop()
        origin.close()


def test_second_goaway_stops_new_streams():
    proxy, origin = Proxy("timeouts: {drain: 10s}"), Origin()
    try:
        with H2(proxy, origin.host) as c:
            c.settle()
            running = c.request("/hold?second")
            origin.event("second-begun").wait(5)
            proxy.terminate()
            c.until(lambda: c.goaway and c.goaway.last_stream == running, 5)
            late = c.request("/hello")
            origin.event("second").set()
            assert c.response(running).body == b"held\n"
            c.outcome()
            assert late not in c.responses, "after the last word nothing new is begun"
    finally:
        proxy.stop()
        origin.close()


# --- other people's clients


def curl(proxy, origin, *arguments, scheme="https"):
    return subprocess.run(
        ["curl", "-sk", "--max-time", "20", "--resolve", f"{origin.host}:{proxy.port}:127.0.0.1", *arguments[:-1],
         f"{scheme}://{origin.host}:{proxy.port}{arguments[-1]}"], capture_output=True)


def test_curl(proxy, origin, tmp_path):
    got = curl(proxy, origin, "--http2", "-w", " %{http_version} %{http_code}", "/hello")
    assert got.stdout == b"hello\n 2 200"
    (tmp_path / "body").write_bytes(os.urandom(3000000))
    got = curl(proxy, origin, "--http2", "--data-binary", f"@{tmp_path}/body", "/echo")
    assert got.stdout == (tmp_path / "body").read_bytes()
    got = curl(proxy, origin, "--http2", "-I", "/head")
    assert got.stdout.startswith(b"HTTP/2 200")


def test_cleartext_prior_knowledge_is_refused(proxy, origin):
    """h2c by prior knowledge on a TLS port and on the redirecting port: no answer in HTTP/2, and nobody dies."""
    got = curl(proxy, origin, "--http2-prior-knowledge", "-w", "%{http_code}", "/hello", scheme="http")
    assert got.returncode != 0 or got.stdout.endswith(b"400")
    with socket.create_connection(("127.0.0.1", proxy.http_port), 5) as sock:
        sock.sendall(PREFACE + H2.pack(SETTINGS, 0, 0))
        assert read_all(sock)[:9] in (b"", b"HTTP/1.1 ")


def test_httpx(proxy, origin):
    httpx = pytest.importorskip("httpx")
    with httpx.Client(http2=True, verify=False) as c:
        url = f"https://127.0.0.1:{proxy.port}"
        arguments = {"headers": {"host": f"{origin.host}:{proxy.port}"}, "extensions": {"sni_hostname": origin.host}}
        got = c.get(url + "/hello", **arguments)
        assert got.http_version == "HTTP/2" and got.text == "hello\n"
        body = os.urandom(500000)
        assert c.post(url + "/echo", content=body, **arguments).content == body


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load is not installed")
def test_h2load(proxy):
    def many(request):
        body = b"x" * int(request.target[1:])
        request.answer(body)

    fast = Origin(many)
    try:
        for size, arguments in ((100, ["-n4000", "-c8", "-m32"]), (1000000, ["-n60", "-c4", "-m8"])):
            got = subprocess.run(
                ["h2load", *arguments, f"--connect-to=127.0.0.1:{proxy.port}", f"https://{fast.host}:{proxy.port}/{size}"],
                capture_output=True, text=True, timeout=50).stdout
            total = arguments[0][2:]
            assert f"{total} succeeded, 0 failed, 0 errored, 0 timeout" in got, got
    finally:
        fast.close()
