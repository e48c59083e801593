"""`python3 -m http.server`: an HTTP/1.0 server, whose bodies may end with the connection."""
import hashlib
import sys

import pytest

from edge import free_port


@pytest.fixture
def site(edge, start, folder):
    (folder / "site").mkdir()
    (folder / "site" / "hello world.txt").write_text("hi")
    big = folder / "site" / "big.bin"
    part = bytes(range(256)) * 4096
    digest = hashlib.sha256()
    with open(big, "wb") as out:
        for _ in range(200):
            out.write(part)
            digest.update(part)
    port = free_port()
    start("http.server", [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", folder / "site"]).ready(port)
    return edge(), port, big.stat().st_size, digest.hexdigest()


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_a_large_download(site, folder, version):
    edge, port, size, digest = site
    target = folder / "got"
    head = edge.curl(version, "-D", "-", "-o", target, edge.url(port, "/big.bin")).decode().lower()
    assert f"content-length: {size}" in head
    with open(target, "rb") as got:
        assert hashlib.file_digest(got, "sha256").hexdigest() == digest
    assert edge.memory() < 100 << 20


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_small_things(site, version):
    edge, port, size, _ = site
    def get(*arguments):
        return edge.curl(version, *arguments).decode()

    assert get(edge.url(port, "/hello%20world.txt")) == "hi"
    assert "hello%20world.txt" in get(edge.url(port))
    assert f"content-length: {size}" in get("-I", edge.url(port, "/big.bin")).lower()
    # It does not know ranges: the whole file, 200. Porthole must not make a 206 of it.
    assert get("-r", "0-9", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", edge.url(port, "/big.bin")) == f"200 {size}"
    assert get("-o", "/dev/null", "-w", "%{http_code}", edge.url(port, "/none")) == "404"
    assert get("-X", "DELETE", "-o", "/dev/null", "-w", "%{http_code}", edge.url(port)) == "501"
    codes = get("-Z", *[word for n in range(40) for word in ("-o", "/dev/null", edge.url(port, f"/hello%20world.txt?{n}"))], "-w", "%{http_code}\n")
    assert codes.split() == ["200"] * 40
