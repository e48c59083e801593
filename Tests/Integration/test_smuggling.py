"""What two parsers could read in two ways must never be on the wire, in either direction.

The fuzzer mutates requests; the origin reads strictly. Whatever the client sends, the origin sees either nothing or
whole, well-formed requests, and each of them is one that the client had sent as it stands, save for the documented rewriting.
"""

import random
import re
import threading

import pytest

from harness import Ended, MessageError, Reader, wait_until
from harness.messages import TOKEN

# Malformed answers of a sandbox.

BAD_ANSWERS = {
    "no HTTP at all": b"hello there\r\n\r\n",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"<html>hi</html>",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "lower case": b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi",
    "four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status 099": b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status 000": b"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status 600": b"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nhi",
    "status of letters": b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nhi",
    "negative status": b"HTTP/1.1 -20 OK\r\nContent-Length: 2\r\n\r\nhi",
    "two spaces": b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "NUL in the reason": b"HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nhi",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "bare CR": b"HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 2\r\n\r\nhi",
    "NUL": b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 2\r\n\r\nhi",
    "obs-fold": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nhi",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
    "no colon": b"HTTP/1.1 200 OK\r\nnothing\r\nContent-Length: 2\r\n\r\nhi",
    "no name": b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 2\r\n\r\nhi",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "a list of lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nhi!",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
    "a signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
    "a huge length": b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nhi",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "codings twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "101 that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "endless interim answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000,
    "an endless head": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000,
    "endless fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000,
    "a bad chunk at once": b"HTTP/1.1 200 \x01\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_malformed_answers_are_502(porthole, make_origin, name):
    def serve(connection):
        connection.request()
        connection.send(BAD_ANSWERS[name])
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        response = client.get(host=origin.host)
        assert response.status == 502, response
        words = (b"upstream/head-too-large",) if "endless head" in name or "endless fields" in name else (b"upstream/malformed",)
        assert response.get("Porthole-Error") in words
        assert all(head.status == 103 for head in response.interims)
        assert origin.connections[0].is_done.wait(5), "the upstream connection was kept"
        # The client's connection is as good as before.
        assert client.get(host=origin.host).status == 502
    assert len(origin.connections) == 2


BAD_BODIES = [b"zz\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n", b"-1\r\n", b"3;\0\r\nabc\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n",
              b"ffffffffffffffffff\r\n", b"0\r\nbad trailer\r\n\r\n", b"0\r\nA: b\r\n c\r\n\r\n", b"0\r\n" + b"A: b\r\n" * 3000 + b"\r\n"]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_malformed_chunks_of_an_answer_cut_it_off(porthole, make_origin, body):
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + body)
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        client.send(f"GET / HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode())
        got = client.until_closed()
        assert not got.endswith(b"\r\n0\r\n\r\n")
        assert client.ended_by in (Ended.TRUNCATED, Ended.RESET) or got.startswith(b"HTTP/1.1 502")
    assert origin.connections[0].is_done.wait(5)


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x", b"\r\n"])
def test_bytes_after_an_answer_are_nobodys(porthole, make_origin, extra):
    origin = make_origin(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + extra)
    with porthole.client() as client:
        for _ in range(4):
            assert client.get(host=origin.host).body == b"ok"
    assert len(origin.connections) == 4


def test_an_answer_that_nobody_asked_for_is_nobodys(porthole, make_origin):
    """A sandbox that answers ahead of the request, on a connection that waits in the pool."""
    origin = make_origin()
    with porthole.client() as client:
        assert client.get(host=origin.host).body == b"ok"
        origin.connections[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        assert origin.connections[0].is_done.wait(5)
        assert client.get(host=origin.host).body == b"ok"


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
                                  b"HTTP/1.1 304 Not Modified\r\n\r\nevil",
                                  b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"])
def test_bodies_where_none_may_be(porthole, make_origin, head):
    origin = make_origin(answer=head)
    with porthole.client() as client:
        for _ in range(3):
            response = client.get(host=origin.host)
            assert response.status in (204, 304, 502) and b"evil" not in response.body
        assert b"evil" not in client.reader.received
    assert len(origin.connections) == 3


def test_the_body_of_a_head_answer_is_nobodys(porthole, make_origin):
    origin = make_origin(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    with porthole.client() as client:
        for _ in range(3):
            client.send(f"HEAD / HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode())
            assert client.response("HEAD").status == 200
        assert b"evil" not in client.reader.received


# The fuzzer


def documented(name):
    """Fields that the proxy drops, replaces or adds; they are tested by name in test_forwarding.py."""
    name = name.lower().replace(b"_", b"-")
    return name in (b"host", b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"content-length",
                    b"upgrade", b"x-real-ip", b"x-request-id", b"traceparent", b"forwarded", b"cookie", b"expect",
                    b"http2-settings", b"proxy-authorization", b"x-porthole-token") or name.startswith(b"x-forwarded-")


PIECES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"1", b"9", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xff", b"=", b"\"",
          b"chunked", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"\r\n\r\n", b"\r\n ", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n",
          b"Host: x", b"Connection: close", b"+", b"-", b"0x", b"%0d%0a", b"HTTP/1.1", b"HTTP/1.0", b"*", b"/", b"//", b"#", b"?", b"\\",
          b"Connection: Content-Length", b"Connection: Host", b"Transfer-Encoding: identity", b"Expect: 100-continue", b"Trailer: X",
          b"Transfer_Encoding: chunked", b"Content-Length: 0", b"Upgrade: websocket", b"3\r\nabc\r\n", b"X: y"]


def seeds(host, mark):
    base = f"Host: {host}\r\nX-Mark: {mark}\r\n".encode()
    return [
        b"GET /" + mark.encode() + b" HTTP/1.1\r\n" + base + b"\r\n",
        b"POST /" + mark.encode() + b" HTTP/1.1\r\n" + base + b"Content-Length: 11\r\nX-A: b\r\n\r\nhello world",
        b"POST /" + mark.encode() + b" HTTP/1.1\r\n" + base + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: u\r\n\r\n",
        b"PUT /" + mark.encode() + b"?q HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + base + b"\r\n1\r\nx\r\n0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + base + b"Content-Length: 0\r\n\r\n",
        b"GET https://" + host.encode() + b"/" + mark.encode() + b" HTTP/1.1\r\n" + base + b"Accept: */*\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + base + b"Content-Length: 3\r\n\r\nabcGET /" + mark.encode() + b"second HTTP/1.1\r\n" + base + b"\r\n",
    ]


def mutate(random, data, other):
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        # Mostly in the head: that is where the meaning is.
        end = data.find(b"\r\n\r\n") + 4
        at = random.randrange(0, max(1, end if end > 3 and random.random() < 0.8 else len(data)))
        kind = random.randrange(7)
        if kind == 0:
            data[at:at] = random.choice(PIECES)
        elif kind == 1:
            del data[at:at + random.choice((1, 1, 2, 4, 10))]
        elif kind == 2 and data:
            data[min(at, len(data) - 1)] = random.randrange(256)
        elif kind == 3:
            lines = bytes(data).split(b"\r\n")
            line = random.randrange(len(lines))
            lines.insert(line, random.choice(lines + PIECES))
            data = bytearray(b"\r\n".join(lines))
        elif kind == 4:
            lines = bytes(data).split(b"\r\n")
            random.shuffle(lines[1:])
            line = random.randrange(len(lines))
            lines[line] = lines[line] + random.choice(PIECES)
            data = bytearray(b"\r\n".join(lines))
        elif kind == 5:
            data[at:at + 1] = data[at:at + 1].swapcase()
        else:
            data[at:at + random.randrange(20)] = other[at:at + random.randrange(20)]
    return bytes(data)


def requests_in(received):
    """The whole requests in what an origin got, and what is left of it: a request that was cut off, or nothing."""
    source = [received]
    reader = Reader(lambda _: source.pop() if source else b"")
    found = []
    while True:
        begun = bytes(reader.buffer) or (source[0] if source else b"")
        try:
            request = reader.request()
        except MessageError as error:
            return found, begun, error
        if request is None:
            return found, b"", None
        found.append(request)


def check_forwarded(sent, request):
    """`request`, as the origin got it, is one that stands in `sent`: same line, same fields in order, same body."""
    method, target, version = request.start.split(b" ")
    assert version == b"HTTP/1.1"
    # It may begin anywhere: right behind the body of the one before it.
    origin_form = re.escape(target) if target.startswith(b"/") else rb""
    if target.startswith(b"/?"):
        origin_form = rb"/?" + re.escape(target[1:])
    line = (re.escape(method) + rb" (?:" + re.escape(target) + rb"|(?i:https?)://[^/? ]*" + (rb"/?" if target == b"/" else origin_form)
            + rb") HTTP/1\.[0-9]\r\n")
    starts = [match.end() for match in re.finditer(line, sent)]
    assert starts, f"this request line was never sent: {request.start!r}"
    got = [(name, value) for name, value in request.fields if not documented(name)]
    for start in starts:
        end = sent.find(b"\r\n\r\n", start - 2)
        if end < 0:
            continue
        fields = [(name, value.strip(b" \t")) for name, _, value in
                  (line.partition(b":") for line in sent[start:end].split(b"\r\n") if line)]
        dropped = {option.strip(b" \t").lower() for name, value in fields if name.lower() == b"connection" for option in value.split(b",")}
        wanted = [(name, value) for name, value in fields if not documented(name) and name.lower() not in dropped]
        if ([g for g in got if g[0].lower() not in dropped] == wanted and all(TOKEN.match(name) for name, _ in fields)
                and request.body == body_at(sent[end + 4:], request)):
            break
    else:
        raise AssertionError(f"these fields, with this body, were never sent together: {request.fields} {request.body!r}")


def body_at(data, request):
    """The body that begins `data`, by the framing that was forwarded."""
    if request.all("Content-Length"):
        return data[:int(request.get("Content-Length"))]
    if not request.all("Transfer-Encoding"):
        return b""
    body = b""
    while match := re.match(rb"0*([0-9A-Fa-f]+)(;[^\r\n]*)?\r\n", data):
        size = int(match[1], 16)
        body += data[match.end():match.end() + size]
        data = data[match.end() + size + 2:]
        if size == 0:
            break
    return body


END = b"\r\n\r\n"


@pytest.mark.parametrize("seed", range(8))
def test_differential_fuzz(porthole, make_origin, seed):
    """Each mutation goes out on a connection of its own to an origin of its own port, in a few thousand variants."""
    rounds = 600
    generator = random.Random(f"porthole {seed}")

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.wait_for_end()

    origin = make_origin(serve=serve, may_be_cut=True)
    sent = []
    for number in range(rounds):
        choices = seeds(origin.host, f"m{seed}x{number}")
        # A second request that is well-formed ends what waits for more.
        sent.append(mutate(generator, generator.choice(choices), generator.choice(choices)) + (
            END + f"GET /m{seed}x{number} HTTP/1.1\r\nHost: {origin.host}\r\nX-Mark: m{seed}x{number}\r\nConnection: close\r\n\r\n".encode()))
        with porthole.client() as client:
            client.try_send(sent[-1])
            client.socket.settimeout(0.03)
            try:
                client.until_closed()
            except (TimeoutError, OSError):
                pass  # it waits for a body that was announced

    forwarded = 0
    for connection in origin.connections:
        assert connection.is_done.wait(5)
        requests, rest, error = requests_in(connection.received)
        marks = {int(mark) for mark in re.findall(rb"m%dx(\d+)" % seed, connection.received)} & set(range(rounds))
        # The mark itself may have been mutated: then it is one of the others.
        candidates = [sent[mark] for mark in marks] + sent
        for request in requests:
            forwarded += 1
            problems = []
            for candidate in candidates:
                try:
                    check_forwarded(candidate, request)
                    break
                except AssertionError as problem:
                    problems.append(problem)
            else:
                raise AssertionError(f"sent {candidates[0]!r}\norigin got {connection.received!r}\n{problems[0]}")
        if rest:
            # Cut off: well-formed as far as it goes.
            assert re.match(rb"[!-~]+ [!-\xff]+ HTTP/1\.1\r\n", rest) and b"ended" in str(error).encode(), (rest, error)
            head = rest.split(b"\r\n\r\n")[0]
            assert b"\0" not in head and not re.search(rb"[^\r]\n|\r[^\n]", head), rest
    porthole.check()
    assert forwarded > rounds // 8, "the mutations are so wild that nothing is tested"


@pytest.mark.parametrize("seed", range(4))
def test_responses_fuzz(porthole, make_origin, seed):
    """Mutated answers: the client reads strictly and gets a whole answer, ours or the sandbox's, or a cut connection."""
    generator = random.Random(f"answers {seed}")
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: b\r\n\r\nhello world",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: u\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
        b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    ]
    current = [b""]

    def serve(connection):
        connection.request()
        connection.send(current[0])
        connection.socket.shutdown(1)
        connection.wait_for_end()

    origin = make_origin(serve=serve)
    client = None
    for _ in range(250):
        current[0] = mutate(generator, generator.choice(answers), generator.choice(answers))
        if client is None:
            client = porthole.client()
        try:
            response = client.get(host=origin.host)
            if response.all("Connection") == [b"close"]:
                raise MessageError("ended")
        except MessageError as error:
            assert "ended" in str(error) or client.ended_by, f"{current[0]!r}: {error}"
            client.close()
            client = None
    porthole.check()


def test_random_bytes(porthole, origin):
    generator = random.Random("noise")
    for _ in range(300):
        with porthole.client() as client:
            client.try_send(generator.randbytes(generator.randrange(1, 300)) + b"\r\n\r\n\r\n\r\n")
            client.socket.settimeout(5)
            got = client.until_closed()
            assert got.startswith(b"HTTP/1.1 4") or got.startswith(b"HTTP/1.1 5")
    assert origin.received == b""


def test_answers_go_to_whom_they_belong(porthole, make_origin):
    """Many clients, many requests, aborts in between: no answer is ever somebody else's."""
    generator = random.Random("mix")

    def answer(request, connection):
        size = int(request.get("X-Size"))
        body = (request.target + b"|") * size
        if size % 3 == 0:
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    origin = make_origin(answer=answer)
    problems = []

    def run(worker, seeded):
        client = None
        try:
            for number in range(60):
                client = client or porthole.client()
                size = seeded.choice((1, 2, 3, 50, 3000, 3001))
                target = f"/{worker}-{number}"
                client.send(f"GET {target} HTTP/1.1\r\nHost: {origin.host}\r\nX-Size: {size}\r\n\r\n".encode())
                if seeded.random() < 0.2:
                    seeded.choice((client.close, client.reset))()
                    client = None
                    continue
                body = client.response().body
                if body != (target.encode() + b"|") * size:
                    problems.append((target, body[:100]))
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=run, args=(n, random.Random(generator.random()))) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert not problems, problems[:3]
