"""RFC 9113 and RFC 7541, rule by rule: the cases of the suites that strangers run, in our own words."""

import struct

import hpack
import pytest

from h2kit import *  # noqa: F403
from h2kit import client, origin, proxy  # noqa: F401: fixtures


def u32(value):
    return struct.pack(">I", value)


def setting(key, value):
    return struct.pack(">HI", key, value)


# --- 3.4 preface


@pytest.mark.parametrize("preface", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r!", b"INVALID CONNECTION PREFACE\r\n\r\n"])
def test_bad_preface_ends_the_connection(proxy, origin, preface):
    with H2(proxy, origin.host, preface=False) as c:
        c.raw(preface)
        c.expect_connection_error(PROTOCOL_ERROR)


def test_preface_in_single_bytes(proxy, origin):
    with H2(proxy, origin.host, preface=False) as c:
        for byte in PREFACE + H2.pack(SETTINGS, 0, 0):
            c.raw(bytes([byte]))
        c.settle().expect_alive()


def test_first_frame_must_be_settings(proxy, origin):
    with H2(proxy, origin.host, preface=False) as c:
        c.raw(PREFACE + H2.pack(PING, 0, 0, b"12345678"))
        c.expect_connection_error(PROTOCOL_ERROR)


def test_server_preface_is_settings(proxy, origin):
    with H2(proxy, origin.host) as c:
        frame = c.read()
        assert frame.kind == SETTINGS and not frame.flags & ACK and frame.stream == 0
        c.settle()
        assert c.settings[8] == 1, "RFC 8441 is offered"
        assert c.settings[3] >= 100


# --- 4.1 frame format


def test_unknown_frame_type_is_ignored(client):
    client.frame(0x16, 0, 0, b"\0" * 8)
    client.frame(0xFA, 0xFF, 77, b"hello")
    client.ping()


def test_undefined_flags_are_ignored(client):
    client.frame(PING, 0x16, 0, b"12345678")
    client.until(lambda: client.frames and client.frames[-1].kind == PING)
    assert client.frames[-1].flags & ACK


def test_reserved_bit_is_ignored(client):
    client.raw(b"\0\0\x08\x06\0\x80\0\0\0" + b"abcdefgh")
    client.until(lambda: client.frames and client.frames[-1].kind == PING)


# --- 4.2 frame size


def test_data_of_the_largest_size(client):
    response = client.response(client.request("/count", "POST", body=b"x" * 16384))
    assert response.body == b"16384"


def test_data_that_is_too_large(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(DATA, END_STREAM, stream, b"x" * 16385)
    client.expect_stream_error(stream, FRAME_SIZE_ERROR)


def test_headers_that_are_too_large(client):
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, client.encode(client.head(extra=[("a", "x" * 20000)])))
    client.expect_connection_error(FRAME_SIZE_ERROR)


def test_settings_that_are_too_large(client):
    client.frame(SETTINGS, 0, 0, setting(0xFF, 1) * 2731)
    client.expect_connection_error(FRAME_SIZE_ERROR)


# --- 4.3 header compression


def test_bad_header_block(client):
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x40\x01\x61\x7f")
    client.expect_connection_error(COMPRESSION_ERROR)


def test_priority_between_header_fragments(client):
    block = client.encode(client.head())
    client.frame(HEADERS, END_STREAM, 1, block[:5])
    client.frame(PRIORITY, 0, 1, u32(0) + b"\x10")
    client.frame(CONTINUATION, END_HEADERS, 1, block[5:])
    client.expect_connection_error(PROTOCOL_ERROR)


def test_other_stream_between_header_fragments(client):
    block = client.encode(client.head())
    client.frame(HEADERS, END_STREAM, 1, block[:5])
    client.frame(HEADERS, END_HEADERS | END_STREAM, 3, client.encode(client.head()))
    client.expect_connection_error(PROTOCOL_ERROR)


# --- 5.1 stream states


@pytest.mark.parametrize("kind,payload,codes", [
    (DATA, b"test", (PROTOCOL_ERROR, STREAM_CLOSED)),
    (RST_STREAM, struct.pack(">I", 8), (PROTOCOL_ERROR,)),
    (WINDOW_UPDATE, struct.pack(">I", 100), (PROTOCOL_ERROR,)),
    (CONTINUATION, b"x", (PROTOCOL_ERROR,)),
])
def test_idle_stream(client, kind, payload, codes):
    client.frame(kind, END_STREAM if kind == DATA else 0, 1, payload)
    client.expect_connection_error(*codes)


def held(client, name):
    """A stream that is half-closed (remote): the request is whole, the answer is not there."""
    return client.request("/hold?" + name)


@pytest.mark.parametrize("kind", [DATA, HEADERS, CONTINUATION])
def test_half_closed_remote(client, origin, kind):
    stream = held(client, f"half-{kind}")
    payload = client.encode(client.head()) if kind != DATA else b"test"
    client.frame(kind, END_STREAM if kind == DATA else END_STREAM | END_HEADERS, stream, payload)
    client.expect_stream_error(stream, *((PROTOCOL_ERROR, STREAM_CLOSED) if kind == CONTINUATION else (STREAM_CLOSED,)))
    origin.event(f"half-{kind}").set()


def test_half_closed_remote_still_takes_window_updates_and_priority(client, origin):
    stream = held(client, "fine")
    client.frame(WINDOW_UPDATE, 0, stream, u32(100))
    client.frame(PRIORITY, 0, stream, u32(0) + b"\x10")
    client.ping()
    origin.event("fine").set()
    assert client.response(stream).body == b"held\n"


@pytest.mark.parametrize("kind", [DATA, HEADERS, CONTINUATION])
def test_closed_by_reset(client, kind):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.reset(stream)
    payload = client.encode(client.head()) if kind != DATA else b"test"
    client.frame(kind, END_STREAM if kind == DATA else END_STREAM | END_HEADERS, stream, payload)
    if kind == DATA or kind == HEADERS:
        # Ignoring it is allowed for a while (RFC 9113 §5.1), as is STREAM_CLOSED.
        try:
            client.ping(timeout=2)
        except (Closed, TimeoutError):
            assert client.goaway is None or client.goaway.code in (STREAM_CLOSED, PROTOCOL_ERROR)
    else:
        client.expect_connection_error(STREAM_CLOSED, PROTOCOL_ERROR)


@pytest.mark.parametrize("kind", [DATA, HEADERS, CONTINUATION])
def test_closed_by_both_ends(client, kind):
    stream = client.request("/hello")
    client.response(stream)
    payload = client.encode(client.head()) if kind != DATA else b"test"
    client.frame(kind, END_STREAM if kind == DATA else END_STREAM | END_HEADERS, stream, payload)
    client.expect_connection_error(STREAM_CLOSED, PROTOCOL_ERROR)


def test_closed_streams_take_window_updates_resets_and_priority(client):
    stream = client.request("/hello")
    client.response(stream)
    client.frame(PRIORITY, 0, stream, u32(0) + b"\x10")
    client.frame(WINDOW_UPDATE, 0, stream, u32(100))
    client.reset(stream)
    client.expect_alive()


# --- 5.1.1 identifiers


def test_even_stream_id(client):
    client.headers(client.head(), stream=2)
    client.expect_connection_error(PROTOCOL_ERROR)


def test_smaller_stream_id(client):
    client.response(client.headers(client.head(path="/hello"), stream=5))
    client.headers(client.head(path="/hello"), stream=3)
    client.expect_connection_error(PROTOCOL_ERROR, STREAM_CLOSED)


def test_largest_stream_id(client):
    assert client.response(client.headers(client.head(path="/hello"), stream=0x7FFFFFFF)).status == 200


# --- 5.1.2 concurrency


def test_too_many_streams_at_once(client, origin):
    limit = client.settings[3]
    last = 0
    for _ in range(limit + 1):
        last = client.request("/hold?crowd")
    client.expect_stream_error(last, REFUSED_STREAM, PROTOCOL_ERROR)
    origin.event("crowd").set()


def test_too_many_streams_before_settings_are_acknowledged(proxy, origin):
    with H2(proxy, origin.host, auto=False) as c:
        streams = [c.request("/hold?early-crowd") for _ in range(140)]
        c.until(lambda: c.goaway or any(c.responses[s].reset is not None for s in streams if s in c.responses))
        assert c.goaway is None, "a stream error: nobody had told the client"
        assert {c.responses[s].reset for s in streams if s in c.responses and c.responses[s].reset is not None} == {REFUSED_STREAM}
        origin.event("early-crowd").set()
        c.until(lambda: sum(r.ended for r in c.responses.values()) == 128)


# --- 5.3 priority, 5.4 errors, 5.5 extensions


def test_self_dependency(client):
    # RFC 9113 took priorities out: the field is read and ignored, or PROTOCOL_ERROR as RFC 7540 had it.
    client.frame(HEADERS, END_HEADERS | END_STREAM | PRIORITY_FLAG, 1, u32(1) + b"\xff" + client.encode(client.head(path="/hello")))
    client.until(lambda: client.goaway or (1 in client.responses and (client.responses[1].ended or client.responses[1].reset is not None)))
    assert client.goaway is None or client.goaway.code == PROTOCOL_ERROR


def test_connection_error_is_a_goaway_and_the_end(client):
    client.frame(PING, 0, 3, b"12345678")
    assert client.outcome() == PROTOCOL_ERROR
    with pytest.raises(Closed):
        client.read(2)


def test_extension_frame_inside_a_header_block(client):
    block = client.encode(client.head())
    client.frame(HEADERS, END_STREAM, 1, block[:5])
    client.frame(0xFA, 0, 0, b"x")
    client.expect_connection_error(PROTOCOL_ERROR)


# --- 6.1 DATA


def test_data_on_stream_zero(client):
    client.frame(DATA, END_STREAM, 0, b"test")
    client.expect_connection_error(PROTOCOL_ERROR)


def test_data_with_bad_padding(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(DATA, PADDED | END_STREAM, stream, b"\x06test")
    client.expect_connection_error(PROTOCOL_ERROR)


def test_data_with_padding(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(DATA, PADDED | END_STREAM, stream, b"\x03test\0\0\0")
    assert client.response(stream).body == b"4"


def test_padding_counts_against_the_window_and_is_given_back(client):
    """Padding is flow controlled (§6.1): ten windows of mostly padding must go through."""
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.until(lambda: client.settings)
    for _ in range(10000):
        client.until(lambda: min(client.window(0), client.window(stream)) >= 257)
        client.frame(DATA, PADDED, stream, b"\xffx" + b"\0" * 255)
        for spent in (0, stream):
            client.room[spent] = client.room.get(spent, 0) - 257
    client.frame(DATA, END_STREAM, stream)
    assert client.response(stream).body == b"10000"
    client.expect_alive()


# --- 6.2 HEADERS


def test_headers_on_stream_zero(client):
    client.frame(HEADERS, END_HEADERS | END_STREAM, 0, client.encode(client.head()))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_headers_with_bad_padding(client):
    block = client.encode(client.head())
    client.frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, bytes([len(block) + 1]) + block)
    client.expect_connection_error(PROTOCOL_ERROR)


def test_headers_with_padding_and_priority(client):
    block = client.encode(client.head(path="/hello"))
    client.frame(HEADERS, END_HEADERS | END_STREAM | PADDED | PRIORITY_FLAG, 1, b"\x04" + u32(0) + b"\x10" + block + b"\0" * 4)
    assert client.response(1).body == b"hello\n"


# --- 6.3 PRIORITY


def test_priority_on_stream_zero(client):
    client.frame(PRIORITY, 0, 0, u32(0) + b"\x10")
    client.expect_connection_error(PROTOCOL_ERROR)


def test_priority_of_a_wrong_size(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(PRIORITY, 0, stream, b"\x80\0\0\x01")
    client.expect_stream_error(stream, FRAME_SIZE_ERROR)


# --- 6.4 RST_STREAM


def test_reset_on_stream_zero(client):
    client.reset(0)
    client.expect_connection_error(PROTOCOL_ERROR)


def test_reset_of_a_wrong_size(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(RST_STREAM, 0, stream, b"\0\0\0")
    client.expect_connection_error(FRAME_SIZE_ERROR)


# --- 6.5 SETTINGS


def test_settings_ack_with_payload(client):
    client.frame(SETTINGS, ACK, 0, b"\0")
    client.expect_connection_error(FRAME_SIZE_ERROR)


def test_settings_on_a_stream(client):
    client.frame(SETTINGS, 0, 1, setting(3, 100))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_settings_of_a_wrong_size(client):
    client.frame(SETTINGS, 0, 0, b"\0\x03\0")
    client.expect_connection_error(FRAME_SIZE_ERROR)


@pytest.mark.parametrize("key,value,code", [
    (2, 2, PROTOCOL_ERROR), (4, 0x80000000, FLOW_CONTROL_ERROR), (5, 16383, PROTOCOL_ERROR), (5, 16777216, PROTOCOL_ERROR),
    (8, 2, PROTOCOL_ERROR),
])
def test_settings_of_a_bad_value(client, key, value, code):
    client.frame(SETTINGS, 0, 0, setting(key, value))
    client.expect_connection_error(code)


def test_unknown_setting(client):
    client.frame(SETTINGS, 0, 0, setting(0xFF, 1))
    before = client.acks
    client.until(lambda: client.acks > before)
    client.expect_alive()


def test_settings_take_effect_at_once(client):
    """Ten values of the same setting in one frame: the last one counts (§6.5.3)."""
    client.frame(SETTINGS, 0, 0, b"".join(setting(4, value) for value in (100, 1)))
    before = client.acks
    client.until(lambda: client.acks > before)
    stream = client.request("/hello")
    client.gives_window = False
    client.until(lambda: any(frame.kind == DATA for frame in client.frames))
    assert len(client.responses[stream].body) == 1


# --- 6.7 PING


def test_ping_is_answered_with_its_payload(client):
    client.ping(b"\0\1\2\3\4\5\6\7")


def test_ping_ack_is_not_answered(client):
    client.frame(PING, ACK, 0, b"invalid!")
    client.ping(b"valid!!!")
    assert not any(frame.kind == PING and frame.payload == b"invalid!" for frame in client.frames)


def test_ping_on_a_stream(client):
    client.frame(PING, 0, 1, b"12345678")
    client.expect_connection_error(PROTOCOL_ERROR)


def test_ping_of_a_wrong_size(client):
    client.frame(PING, 0, 0, b"123456")
    client.expect_connection_error(FRAME_SIZE_ERROR)


# --- 6.8 GOAWAY


def test_goaway_on_a_stream(client):
    client.frame(GOAWAY, 0, 1, u32(0) + u32(0))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_goaway_of_the_client(client, origin):
    stream = held(client, "leaving")
    client.frame(GOAWAY, 0, 0, u32(0) + u32(0) + b"bye")
    client.ping()
    origin.event("leaving").set()
    assert client.response(stream).body == b"held\n"
    assert client.outcome() in (None, NO_ERROR)


# --- 6.9 WINDOW_UPDATE


def test_window_update_of_zero(client):
    client.frame(WINDOW_UPDATE, 0, 0, u32(0))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_window_update_of_zero_on_a_stream(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(WINDOW_UPDATE, 0, stream, u32(0))
    client.expect_stream_error(stream, PROTOCOL_ERROR)


def test_window_update_of_a_wrong_size(client):
    client.frame(WINDOW_UPDATE, 0, 0, b"\0\0\1")
    client.expect_connection_error(FRAME_SIZE_ERROR)


def test_window_overflow(client):
    client.frame(WINDOW_UPDATE, 0, 0, u32(0x7FFFFFFF))
    client.frame(WINDOW_UPDATE, 0, 0, u32(0x7FFFFFFF))
    client.expect_connection_error(FLOW_CONTROL_ERROR)


def test_window_overflow_of_a_stream(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(WINDOW_UPDATE, 0, stream, u32(0x7FFFFFFF))
    client.frame(WINDOW_UPDATE, 0, stream, u32(0x7FFFFFFF))
    client.expect_stream_error(stream, FLOW_CONTROL_ERROR)


def test_initial_window_change_reaches_open_streams(client, origin):
    client.gives_window = False
    client.frame(SETTINGS, 0, 0, setting(4, 0))
    client.ping()
    stream = client.request("/hello")
    client.until(lambda: stream in client.responses and client.responses[stream].headers)
    client.ping(b"nothing!")
    assert client.responses[stream].body == b""
    client.frame(SETTINGS, 0, 0, setting(4, 1))
    client.until(lambda: client.responses[stream].body == b"h")
    client.frame(SETTINGS, 0, 0, setting(4, 100))
    assert client.response(stream).body == b"hello\n"


def test_negative_window(client, origin):
    client.gives_window = False
    client.frame(SETTINGS, 0, 0, setting(4, 3))
    client.ping()
    stream = client.request("/hello")
    client.until(lambda: stream in client.responses and client.responses[stream].body == b"hel")
    client.frame(SETTINGS, 0, 0, setting(4, 2))
    client.frame(WINDOW_UPDATE, 0, stream, u32(1))
    client.ping(b"negative")
    assert client.responses[stream].body == b"hel"
    client.frame(WINDOW_UPDATE, 0, stream, u32(1))
    client.until(lambda: client.responses[stream].body == b"hell")


def test_initial_window_overflow_of_an_open_stream(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.frame(WINDOW_UPDATE, 0, stream, u32(0x7FFFFFFF - 65535))
    client.frame(SETTINGS, 0, 0, setting(4, 0x7FFFFFFF))
    # §6.9.2 wants a connection error; nghttp2 ends the stream, which serves the same purpose.
    client.expect_stream_error(stream, FLOW_CONTROL_ERROR)


def test_our_stream_window_is_enforced(proxy):
    quiet = Origin()
    try:
        with H2(proxy, quiet.host) as c:
            c.settle()
            c.gives_window = False
            stream = c.headers(c.head("POST", "/unread"), end=False)
            for _ in range(c.settings[4] // 16384 + 600):
                try:
                    c.frame(DATA, 0, stream, b"x" * 16384)
                except Closed:
                    break
            c.expect_stream_error(stream, FLOW_CONTROL_ERROR)
    finally:
        quiet.event("unread").set()
        quiet.close()


# --- 6.10 CONTINUATION


def test_continuations(client):
    block = client.encode(client.head(path="/hello", extra=[("a", "b" * 50)]))
    client.frame(HEADERS, END_STREAM, 1, block[:3])
    client.frame(CONTINUATION, 0, 1, block[3:9])
    client.frame(CONTINUATION, 0, 1, b"")
    client.frame(CONTINUATION, END_HEADERS, 1, block[9:])
    assert client.response(1).body == b"hello\n"


def test_head_in_two_reads(client):
    """What came of a head so far is kept while other reads are drained; compaction must not lose a byte of it."""
    fields = [("x-long", "v" * 300), ("x-empty", ""), ("cookie", "a=b")]
    # Our own WINDOW_UPDATE inside a header block would be an error of ours.
    client.gives_window = False
    for at in (1, 4, 30, 100, 300):
        done = client.request("/hello")
        stream = client.open()
        block = client.encode(client.head(path=f"/seen?at={at}", extra=fields))
        client.frame(HEADERS, END_STREAM, stream, block[:at])
        client.response(done)
        time.sleep(0.02)
        client.frame(CONTINUATION, 0, stream, block[at:at + 100])
        time.sleep(0.02)
        client.frame(CONTINUATION, END_HEADERS, stream, block[at + 100:])
        seen = json.loads(client.response(stream).body)
        assert seen["target"] == f"/seen?at={at}" and dict(seen["headers"])["x-long"] == "v" * 300 and dict(seen["headers"])["x-empty"] == ""


def test_continuation_after_end_headers(client):
    client.headers(client.head(), stream=1, end=False)
    client.frame(CONTINUATION, END_HEADERS, 1, client.encode([("x", "y")]))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_continuation_on_stream_zero(client):
    client.frame(HEADERS, END_STREAM, 1, client.encode(client.head()))
    client.frame(CONTINUATION, END_HEADERS, 0, client.encode([("x", "y")]))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_continuation_after_data(client):
    client.headers(client.head("POST", "/count"), stream=1, end=False)
    client.frame(DATA, 0, 1, b"x")
    client.frame(CONTINUATION, END_HEADERS, 1, client.encode([("x", "y")]))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_push_promise_from_a_client(client):
    client.headers(client.head("POST", "/count"), stream=1, end=False)
    client.frame(PUSH_PROMISE, END_HEADERS, 1, u32(2) + client.encode(client.head()))
    client.expect_connection_error(PROTOCOL_ERROR)


def test_unknown_error_codes(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.reset(stream, 0xFF)
    client.ping()
    client.frame(GOAWAY, 0, 0, u32(0) + u32(0xFF))
    assert client.outcome() in (None, NO_ERROR)


# --- 8.1 messages


def test_second_headers_without_end_stream(client):
    stream = client.headers(client.head("POST", "/count"), end=False)
    client.headers([("x-trailer", "v")], end=False, stream=stream)
    client.expect_stream_error(stream, PROTOCOL_ERROR)


@pytest.mark.parametrize("fields", [
    [("X-TEST", "ok")],
    [("x-teSt", "ok")],
    [(":test", "ok")],
    [(":status", "200")],
    [("connection", "keep-alive")],
    [("connection", "close")],
    [("proxy-connection", "keep-alive")],
    [("keep-alive", "timeout=5")],
    [("transfer-encoding", "chunked")],
    [("upgrade", "websocket")],
    [("te", "trailers, deflate")],
    [("te", "gzip")],
    [(":path", "/again")],
    [("x", "a"), (":path", "/late")],
    [("", "empty name")],
    [("x y", "space in name")],
    [("x:y", "colon in name")],
    [("x\n", "line feed in name")],
    [("x\x00", "NUL in name")],
    [("x\x7f", "DEL in name")],
    [("x\xe9", "high byte in name")],
    [("x", "line\nfeed")],
    [("x", "carriage\rreturn")],
    [("x", "NUL\0")],
    [("x", "inject\r\nhost: evil")],
    [("content-length", "-1")],
    [("content-length", "+0")],
    [("content-length", "0, 0")],
    [("content-length", "1"), ("content-length", "1")],
    [("content-length", "18446744073709551616")],
    [("host", "other.example")],
], ids=lambda fields: repr(fields)[:40])
def test_malformed_fields(client, origin, fields):
    before = len(origin.seen)
    stream = client.headers(client.head(path="/hello", extra=fields))
    client.until(lambda: client.goaway or (stream in client.responses and (client.responses[stream].reset is not None or client.responses[stream].ended)))
    response = client.responses.get(stream)
    if response and response.headers:
        assert response.status == 400, response.headers
        assert response.header("porthole-error").startswith("request/")
    else:
        assert (client.goaway.code if client.goaway else response.reset) == PROTOCOL_ERROR
    client.expect_alive()
    assert len(origin.seen) == before + 1, "nothing of it reached the origin"


@pytest.mark.parametrize("fields", [
    [(":method", "GET"), (":path", "/hello"), (":scheme", "https")],
    [(":path", "/hello"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "/hello"), (":authority", "A")],
    [(":method", "GET"), (":path", ""), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "hello"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "*"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "/a b"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "/a#b"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "/a\x01"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "https://A/x"), (":scheme", "https"), (":authority", "A")],
    [(":method", "G ET"), (":path", "/"), (":scheme", "https"), (":authority", "A")],
    [(":method", ""), (":path", "/"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":scheme", "https"), (":authority", "A")],
    [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "A"), (":authority", "A")],
    [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "user@A")],
    [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "")],
    [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "A/x")],
    [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "A"), ("host", "A"), ("host", "A")],
    [(":method", "CONNECT"), (":authority", "A")],
    [(":method", "CONNECT"), (":authority", "A"), (":path", "/"), (":scheme", "https")],
    [(":method", "CONNECT"), (":protocol", "gopher"), (":authority", "A"), (":path", "/"), (":scheme", "https")],
    [(":method", "GET"), (":protocol", "websocket"), (":authority", "A"), (":path", "/"), (":scheme", "https")],
], ids=lambda fields: repr(fields)[:60])
def test_malformed_pseudo_fields(client, origin, fields):
    before = len(origin.seen)
    fields = [(name, value.replace("A", client.authority)) for name, value in fields]
    stream = client.headers(fields)
    client.until(lambda: client.goaway or (stream in client.responses and (client.responses[stream].reset is not None or client.responses[stream].ended)))
    response = client.responses.get(stream)
    if response and response.headers:
        assert response.status in (400, 501), response.headers
    else:
        assert (client.goaway.code if client.goaway else response.reset) == PROTOCOL_ERROR
    client.expect_alive()
    assert len(origin.seen) == before + 1


def test_pseudo_field_in_trailers(client):
    stream = client.request("/count", "POST", body=b"x", end=False)
    client.headers([(":method", "GET")], stream=stream)
    client.expect_stream_error(stream, PROTOCOL_ERROR)


@pytest.mark.parametrize("length,parts", [("1", [b"xx"]), ("5", [b"xx", b"xx"]), ("0", [b"x"]), ("3", [b"xx", b"xx"])])
def test_content_length_that_does_not_match(client, length, parts):
    stream = client.headers(client.head("POST", "/count", [("content-length", length)]), end=False)
    for index, part in enumerate(parts):
        client.frame(DATA, END_STREAM if index == len(parts) - 1 else 0, stream, part)
    client.expect_stream_error(stream, PROTOCOL_ERROR)
    client.expect_alive()


def test_content_length_without_a_body(client):
    stream = client.headers(client.head("POST", "/count", [("content-length", "5")]))
    client.until(lambda: stream in client.responses and (client.responses[stream].reset is not None or client.responses[stream].ended))
    response = client.responses[stream]
    assert response.reset == PROTOCOL_ERROR or response.status == 400


def test_host_alone_and_host_that_agrees(client):
    host = client.authority
    alone = client.headers([(":method", "GET"), (":scheme", "https"), (":path", "/hello"), ("host", host)])
    assert client.response(alone).status == 200
    both = client.headers(client.head(path="/hello", extra=[("host", host.upper())]))
    assert client.response(both).status == 200


def test_te_trailers_is_allowed(client):
    assert client.get("/hello", extra=[("te", "trailers")]).status == 200


def test_another_host_on_this_connection_is_misdirected(client):
    stream = client.headers(client.head(path="/hello", authority=f"1234-other.{DOMAIN}"))
    assert client.response(stream).status == 421


# --- RFC 7541


def block_is_refused(client, block, *codes):
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, block)
    client.expect_connection_error(*(codes or (COMPRESSION_ERROR,)))


def test_hpack_index_zero(client):
    block_is_refused(client, b"\x80")


def test_hpack_index_out_of_range(client):
    block_is_refused(client, b"\xff\x80\x01")


def test_hpack_literal_name_index_out_of_range(client):
    block_is_refused(client, b"\x7f\x80\x01\x01a")


def test_hpack_table_size_update_too_large(client):
    block_is_refused(client, b"\x3f\xe1\xff\x03" + client.encode(client.head()))


def test_hpack_table_size_update_at_the_end(client):
    block_is_refused(client, client.encode(client.head()) + b"\x20")


def test_hpack_table_size_update_in_the_middle(client):
    block = client.encode(client.head())
    block_is_refused(client, block[:1] + b"\x20" + block[1:])


def test_hpack_table_size_update_at_the_start(client):
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x20" + client.encode(client.head(path="/hello")))
    assert client.response(1).status == 200


def test_hpack_huge_integer(client):
    block_is_refused(client, b"\xff" + b"\xff" * 12)


@pytest.mark.parametrize("literal", [
    b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",  # more than seven bits of padding
    b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",  # padding with zeros
    b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\xff\xff\xff\xfd\xff\xff\xff",  # EOS inside
])
def test_hpack_bad_huffman(client, literal):
    block_is_refused(client, client.encode(client.head()) + literal)


def test_hpack_string_beyond_the_block(client):
    block_is_refused(client, client.encode(client.head()) + b"\x00\x05he")


def test_hpack_dynamic_table_and_static_table(proxy, origin):
    """An encoder that uses the tables to the full, with evictions and a smaller table half-way."""
    with H2(proxy, origin.host) as c:
        c.settle()
        encoder = hpack.Encoder()
        for turn in range(40):
            fields = c.head(path="/seen", extra=[(f"x-{i}", f"value {turn * i}" * 3) for i in range(20)])
            if turn == 20:
                encoder.header_table_size = 256
            if turn == 30:
                encoder.header_table_size = 4096
            stream = c.open()
            c.frame(HEADERS, END_HEADERS | END_STREAM, stream, encoder.encode(fields, huffman=turn % 2 == 0))
            seen = dict(json.loads(c.response(stream).body)["headers"])
            assert all(seen[f"x-{i}"] == f"value {turn * i}" * 3 for i in range(20))


def test_peer_without_a_table(proxy, origin):
    """SETTINGS_HEADER_TABLE_SIZE 0: our encoder must say so and not index (RFC 7541 §4.2)."""
    with H2(proxy, origin.host, settings=[(1, 0)]) as c:
        c.decoder.max_allowed_table_size = 0
        c.settle()
        for _ in range(3):
            assert c.get("/hello").status == 200
