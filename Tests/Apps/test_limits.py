"""The largest heads that the configuration can allow, in both directions."""
import socket
import threading

import pytest



FIELDS = [(f"x-{number}", "y" * 8100) for number in range(120)]


class Service:
    """Answers every HTTP/1.1 request with a head of almost 1 MiB, and remembers how large the request's was."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.heads = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.server.accept()[0],), daemon=True).start()

    def serve(self, connection):
        data = b""
        while not data.endswith(b"\r\n\r\nbody"):
            data += connection.recv(1 << 20)
        self.heads.append(len(data))
        head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLocation: /\r\n" + "".join(f"{name}: {value}\r\n" for name, value in FIELDS)
        connection.sendall(head.encode() + b"\r\nok")
        connection.close()


@pytest.mark.parametrize("size", ["1MiB", "64KiB"])
def test_large_heads(edge, size):
    service = Service()
    proxy = edge(extra=f"limits: {{headBytes: {size}, headFields: 1024}}")
    raw = proxy.context().wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)), server_hostname=proxy.host(service.port))
    raw.sendall((f"POST / HTTP/1.1\r\nHost: {proxy.host(service.port)}:{proxy.port}\r\nContent-Length: 4\r\nConnection: close\r\n"
                 + "".join(f"{name}: {value}\r\n" for name, value in FIELDS)).encode() + b"\r\nbody")
    answer = b""
    while part := raw.recv(1 << 20):
        answer += part
    if size == "1MiB":
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\nok") and len(answer) > 970_000
        assert service.heads[0] > 970_000
    else:
        assert answer.startswith(b"HTTP/1.1 431 ") and not service.heads
