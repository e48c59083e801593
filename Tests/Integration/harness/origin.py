"""An upstream that records every byte it got and answers as it is told."""

import socket
import ssl
import struct
import threading

from .messages import MessageError, Reader
from .waiting import DEADLINE, wait_until


class OriginConnection:
    def __init__(self, sock, number):
        self.socket = sock
        self.number = number
        self.reader = Reader(self._recv)
        self.requests = []
        self.ended_by_reset = False
        self.is_done = threading.Event()
        self.error = None

    def _recv(self, count):
        try:
            return self.socket.recv(count)
        except ssl.SSLError:
            return b""
        except ConnectionError:
            self.ended_by_reset = True
            return b""

    @property
    def received(self):
        return bytes(self.reader.received)

    def request(self):
        message = self.reader.request()
        if message is not None:
            self.requests.append(message)
        return message

    def send(self, data):
        self.socket.sendall(data)
        return self

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_end(self):
        """Blocks until the proxy ends this connection."""
        while self.reader.more():
            self.reader.buffer.clear()


class Origin:
    """Listens on a free port of 127.0.0.1.

    `answer`: bytes sent for every request, or a function of (request, connection) that answers bytes or None.
    `serve`: instead of that, a function of the connection that does everything itself.
    """

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", serve=None, port=0, receive_buffer=None,
                 tls=None, address="127.0.0.1", may_be_cut=False):
        self.answer = answer
        self.serve = serve
        self.tls = tls
        self.may_be_cut = may_be_cut  # a request that breaks off is what the test wants
        self.connections = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind((address, port))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        self.host = f"{self.port}-bench.preview.localhost"
        self.is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = OriginConnection(sock, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            if self.tls:
                connection.socket = self.tls.wrap_socket(connection.socket, server_side=True)
            if self.serve:
                self.serve(connection)
            else:
                self._answer_all(connection)
        except MessageError as error:
            connection.error = error
        except (OSError, ValueError):
            pass  # the proxy or the test closed it
        finally:
            connection.close()
            connection.is_done.set()

    def _answer_all(self, connection):
        while (request := connection.request()) is not None:
            answer = self.answer(request, connection) if callable(self.answer) else self.answer
            if answer:
                connection.send(answer)

    @property
    def requests(self):
        return [request for connection in list(self.connections) for request in connection.requests]

    @property
    def received(self):
        return b"".join(connection.received for connection in list(self.connections))

    @property
    def errors(self):
        """What no strict reader could take: a proxy must never send such a thing."""
        return [] if self.may_be_cut else [connection.error for connection in list(self.connections) if connection.error]

    def wait_for_requests(self, count):
        wait_until(lambda: len(self.requests) >= count, f"{count} requests at the origin")
        return self.requests

    def wait_for_connection(self, number=0):
        wait_until(lambda: len(self.connections) > number, f"connection {number} at the origin")
        return self.connections[number]

    def clear(self):
        self.connections = []

    def close(self):
        self.is_closed = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def closed_port():
    """A port of 127.0.0.1 on which nothing listens, and that the kernel gives to nobody else while the socket lives."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]
