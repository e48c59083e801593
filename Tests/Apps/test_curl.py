"""curl, h2load and plain sockets: large uploads, trailers, many requests, redirects, the names that apps see."""
import hashlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import threading

import pytest

from edge import free_port, need

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def echo(start):
    port = free_port()
    start("redirects", [sys.executable, HERE / "apps" / "redirects.py", port]).ready(port)
    return port


@pytest.mark.parametrize("policy", ["public", "localhost", "fixed.test:81"])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_redirects_lead_back(edge, echo, version, policy):
    proxy = edge({echo: {"host": policy if policy in ("public", "localhost") else f"'{policy}'"}})
    here = proxy.url(echo, "")

    def to(location):
        text = proxy.curl(version, "-D", "-", "-o", "/dev/null", proxy.url(echo, f"/?to={location}")).decode()
        return re.search(r"(?i)^location: (.*?)\r?$", text, re.M)[1].strip()

    assert to("http://HOST/next?a=b") == here + "/next?a=b"
    assert to("https://HOST") == here
    assert to("/next") == "/next"
    assert to("http://example.com/HOST") .startswith("http://example.com/")
    assert to("http://HOST.evil.example/") .startswith("http://")
    assert ".evil.example/" in to("http://HOST.evil.example/")
    if policy == "public":
        assert to(f"http://{proxy.host(echo)}/a") == here + "/a"
        # nginx's `return 301 /a/` names its own port.
        assert to(f"http://{proxy.host(echo)}:PORT/a/") == here + "/a/"
    else:
        assert to(f"http://{proxy.host(echo)}:1/") == f"http://{proxy.host(echo)}:1/"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_host_origin_and_referer_agree(edge, echo, version):
    for policy in ("public", "localhost"):
        proxy = edge({echo: {"host": policy}})
        here = proxy.url(echo, "")
        seen = json.loads(proxy.curl(version, "-H", f"Origin: {here}", "-e", here + "/page?x", proxy.url(echo)))
        own = here if policy == "public" else f"http://localhost:{echo}"
        assert seen["host"] == own.partition("//")[2]
        assert seen["origin"] == own and seen["referer"] == own + "/page?x"
        seen = json.loads(proxy.curl(version, "-H", "Origin: https://evil.example", "-e", "https://evil.example/x", proxy.url(echo)))
        assert seen["origin"] == "https://evil.example" and seen["referer"] == "https://evil.example/x"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("form", ["length", "chunked"])
def test_an_upload_of_500_megabytes(edge, start, folder, version, form):
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    port = free_port()
    start("uvicorn", [sys.executable, "-m", "uvicorn", "--app-dir", HERE / "apps", "asgi_app:app", "--port", port, "--log-level", "warning"]).ready(port)
    proxy = edge()
    file = folder / "big"
    part = hashlib.sha256(b"part").digest() * 32768
    with open(file, "wb") as out:
        for _ in range(500):
            out.write(part)
    with open(file, "rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
    got = json.loads(proxy.curl(version, "-X", "POST", "-H", "Expect: 100-continue", *(["-T", "-"] if form == "chunked" else ["-T", file]), proxy.url(port, "/upload"),
                                **({"stdin": open(file, "rb")} if form == "chunked" else {})))
    assert got["size"] == 500 << 20 and got["sha256"] == digest
    assert proxy.memory() < 100 << 20


class Trailers:
    """An HTTP/1.1 server on a socket that answers with the trailers that it got, and with one of its own."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.server.accept()[0],), daemon=True).start()

    def serve(self, connection):
        file = connection.makefile("rwb")
        while line := file.readline():
            while file.readline() not in (b"\r\n", b""):
                pass
            trailers = b""
            if line.startswith(b"POST"):
                while (size := int(file.readline(), 16)) > 0:
                    file.read(size + 2)
                while (field := file.readline()) not in (b"\r\n", b""):
                    trailers += field
            file.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n%x\r\n%s\r\n0\r\nX-Sum: 42\r\n\r\n" % (len(trailers) + 1, trailers + b"."))
            file.flush()


def test_trailers(edge):
    service = Trailers()
    proxy = edge()
    # curl shows a response's trailers together with its head.
    for version in ("--http1.1", "--http2"):
        assert b"x-sum: 42" in proxy.curl(version, "-D", "-", "-H", "TE: trailers", proxy.url(service.port)).lower()
    raw = proxy.context().wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)), server_hostname=proxy.host(service.port))
    raw.sendall(f"POST / HTTP/1.1\r\nHost: {proxy.host(service.port)}:{proxy.port}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Mine\r\nConnection: close\r\n\r\n"
                "3\r\nabc\r\n0\r\nX-Mine: yes\r\n\r\n".encode())
    answer = b""
    while part := raw.recv(65536):
        answer += part
    assert b"X-Mine: yes" in answer and b"X-Sum: 42" in answer, answer


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_h2load(edge, start, version):
    need("h2load", "nginx")
    port = free_port()
    folder = start("true", ["true"]).log.parent
    (folder / "nginx.conf").write_text(f"""
daemon off; error_log stderr; pid {folder}/nginx.pid; worker_processes 1;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 "hello"; }} }} }}
""")
    start("nginx", ["nginx", "-c", folder / "nginx.conf", "-p", folder]).ready(port)
    proxy = edge()
    got = subprocess.run(["h2load", "-n", "50000", "-c", "32", "-m", "32" if version == "h2" else "1", *([] if version == "h2" else ["--h1"]),
                          "--connect-to", f"127.0.0.1:{proxy.port}", proxy.url(port)], capture_output=True, text=True, timeout=120).stdout
    assert "50000 succeeded, 0 failed, 0 errored" in got and "status codes: 50000 2xx" in got, got
