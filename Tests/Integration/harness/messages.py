"""HTTP/1.1 messages, read strictly: a test must notice when the proxy writes something that only a lenient reader takes."""

import re
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


class MessageError(AssertionError):
    """The bytes are not a message."""


@dataclass
class Head:
    start: bytes
    fields: list  # of (name, value), in order, as they came

    def all(self, name):
        name = name.lower().encode() if isinstance(name, str) else name.lower()
        return [value for key, value in self.fields if key.lower() == name]

    def get(self, name, default=None):
        values = self.all(name)
        if len(values) > 1:
            raise MessageError(f"{name} came {len(values)} times: {values}")
        return values[0] if values else default

    @property
    def names(self):
        return [name.lower() for name, _ in self.fields]

    # Of a request.
    @property
    def method(self):
        return self.start.split(b" ")[0]

    @property
    def target(self):
        return self.start.split(b" ")[1]

    # Of a response.
    @property
    def status(self):
        return int(self.start.split(b" ", 2)[1])

    @property
    def reason(self):
        return self.start.split(b" ", 2)[2]


@dataclass
class Message(Head):
    body: bytes = b""
    trailers: list = field(default_factory=list)
    interims: list = field(default_factory=list)
    chunks: list = field(default_factory=list)  # their sizes, when chunked
    raw_head: bytes = b""


def head_of(block):
    """Parses a head up to and including its empty line."""
    if not block.endswith(b"\r\n\r\n"):
        raise MessageError(f"no empty line: {block!r}")
    lines = block[:-4].split(b"\r\n")
    return Head(lines[0], [_field(line) for line in lines[1:]])


def _field(line):
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.match(name) or b"\r" in line or b"\n" in line or b"\0" in line:
        raise MessageError(f"bad field line: {line!r}")
    return name, value.strip(b" \t")


class Reader:
    """Reads messages from `recv(count)`, which answers b"" at the end. Keeps all bytes in `received`."""

    def __init__(self, recv):
        self.recv = recv
        self.buffer = bytearray()
        self.received = bytearray()
        self.ended = False
        self.keeps = True  # whether `received` is kept; off for very large bodies

    def more(self, count=65536):
        if self.ended:
            return False
        data = self.recv(count)
        if not data:
            self.ended = True
            return False
        self.buffer += data
        if self.keeps:
            self.received += data
        return True

    def until(self, mark):
        while True:
            at = self.buffer.find(mark)
            if at >= 0:
                taken = bytes(self.buffer[: at + len(mark)])
                del self.buffer[: at + len(mark)]
                return taken
            if not self.more():
                raise MessageError(f"ended before {mark!r}: {bytes(self.buffer[:200])!r}")

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self.more(max(65536, min(1 << 20, count))):
                raise MessageError(f"ended after {len(self.buffer)} of {count} bytes")
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def rest(self):
        while self.more():
            pass
        taken = bytes(self.buffer)
        self.buffer.clear()
        return taken

    def head(self):
        return head_of(self.until(b"\r\n\r\n"))

    def _chunked(self, message):
        body = bytearray()
        while True:
            line = self.until(b"\r\n")[:-2]
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", line):
                raise MessageError(f"bad chunk size: {line!r}")
            size = int(line, 16)
            if size == 0:
                break
            message.chunks.append(size)
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise MessageError("no CRLF after a chunk")
        while True:
            line = self.until(b"\r\n")[:-2]
            if not line:
                break
            message.trailers.append(_field(line))
        message.body = bytes(body)

    def _framing(self, head):
        """(length or None, is chunked); both or a repetition is an error."""
        codings, lengths = head.all("transfer-encoding"), head.all("content-length")
        if len(codings) + len(lengths) > 1:
            raise MessageError(f"ambiguous framing: {head}")
        if codings:
            if codings[0] != b"chunked":
                raise MessageError(f"coding {codings[0]!r}")
            return None, True
        if lengths:
            if not re.fullmatch(rb"[0-9]+", lengths[0]):
                raise MessageError(f"length {lengths[0]!r}")
            return int(lengths[0]), False
        return None, False

    def request(self):
        """A whole request; None when the peer ended between two."""
        while not self.buffer:
            if not self.more():
                return None
        head = self.head()
        if not re.fullmatch(rb"\S+ \S+ HTTP/1\.[01]", head.start):
            raise MessageError(f"bad request line: {head.start!r}")
        message = Message(head.start, head.fields)
        length, chunked = self._framing(head)
        if chunked:
            self._chunked(message)
        elif length:
            message.body = self.exactly(length)
        return message

    def response(self, method="GET"):
        """A whole response with the interim ones before it."""
        interims = []
        while True:
            head = self.head()
            if not re.fullmatch(rb"HTTP/1\.1 [1-5][0-9][0-9] [^\r\n]*", head.start):
                raise MessageError(f"bad status line: {head.start!r}")
            if head.status >= 200 or head.status == 101:
                break
            interims.append(head)
        message = Message(head.start, head.fields, interims=interims)
        length, chunked = self._framing(head)
        if method == "HEAD" or head.status in (101, 204, 304):
            if head.status == 204 and (length is not None or chunked):
                raise MessageError("204 with framing")
            return message
        if chunked:
            self._chunked(message)
        elif length is not None:
            message.body = self.exactly(length)
        else:
            message.body = self.rest()
        return message
