"""A client that sends exactly the bytes that it is given."""

import select
import socket
import ssl
import threading
from enum import Enum

from .messages import Reader
from .waiting import DEADLINE


class Ended(Enum):
    """How the server ended the connection."""

    CLEAN = "close_notify, or FIN on a plain connection"
    TRUNCATED = "FIN without close_notify"
    RESET = "reset"


class RawClient:
    """One connection. `tls=False` for plain text; `sni` is the server name to ask for; without one any host may be asked for."""

    def __init__(self, address, tls=True, sni=None, alpn=("http/1.1",), context=None,
                 timeout=DEADLINE, before=b"", receive_buffer=None):
        self.ended_by = None
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if before:
            self.socket.sendall(before)
        if tls:
            if context is None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if alpn:
                context.set_alpn_protocols(list(alpn))
            self.socket = context.wrap_socket(self.socket, server_hostname=sni, suppress_ragged_eofs=False)
        self.is_tls = tls
        self.reader = Reader(self._recv)
        # OpenSSL's objects are not for two threads at once, and a test may send in one while it reads in the other.
        self.lock = threading.Lock()

    def _attempt(self, operation):
        """One `operation` on the socket, waiting for it outside the lock."""
        while True:
            with self.lock:
                timeout = self.socket.gettimeout()
                self.socket.settimeout(0)
                try:
                    return operation()
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError) as want:
                    if timeout == 0:
                        raise
                    is_write = isinstance(want, ssl.SSLWantWriteError) or (not self.is_tls and operation.__name__ == "send")
                finally:
                    # Closed by another thread meanwhile: the next attempt says so.
                    if self.socket.fileno() >= 0:
                        self.socket.settimeout(timeout)
            sockets = ([], [self.socket]) if is_write else ([self.socket], [])
            if not any(select.select(*sockets, [], timeout)):
                raise TimeoutError("timed out")

    def _recv(self, count):
        def recv():
            return self.socket.recv(count)

        try:
            data = self._attempt(recv)
        except (ssl.SSLEOFError, ssl.SSLSyscallError):
            self.ended_by = Ended.TRUNCATED
            return b""
        except (ConnectionError, BrokenPipeError):
            self.ended_by = Ended.RESET
            return b""
        if not data:
            self.ended_by = Ended.CLEAN
        return data

    def send(self, data):
        view = memoryview(data)
        while view:
            piece = view[:65536]

            def send():
                return self.socket.send(piece)

            view = view[self._attempt(send):]
        return self

    def try_send(self, data):
        """Sends; False when the server does not take it any more."""
        try:
            self.send(data)
            return True
        except OSError:
            return False

    def response(self, method="GET"):
        return self.reader.response(method)

    def request(self, data, method="GET"):
        return self.send(data).response(method)

    def get(self, target="/", host="3000-bench.preview.localhost", fields=()):
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]
        return self.request("\r\n".join(lines).encode())

    def until_closed(self):
        """What comes until the server ends the connection; fails when it does not."""
        return self.reader.rest()

    def is_open(self):
        """Whether the server has not ended the connection, as far as can be seen now."""
        self.socket.setblocking(False)
        try:
            return not (self._recv(1) == b"")
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        finally:
            self.socket.settimeout(DEADLINE)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection as a crashed client would."""
        import struct
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
