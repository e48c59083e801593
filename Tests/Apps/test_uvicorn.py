"""uvicorn: event streams, WebSockets, uploads, and that a client which leaves takes its request with it."""
import asyncio
import hashlib
import json
import pathlib
import socket
import subprocess
import sys
import time

import httpx
import pytest

from edge import free_port, until

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def app(edge, start):
    """(edge, port) of a running app."""
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    port = free_port()
    start("uvicorn", [sys.executable, "-m", "uvicorn", "--app-dir", HERE / "apps", "asgi_app:app", "--port", port, "--log-level", "warning",
                      "--ws-max-size", 1 << 30, "--ws-ping-interval", 3600, "--timeout-keep-alive", 30]).ready(port)
    return edge(), port


def client(edge, http2):
    return httpx.Client(verify=edge.context(("h2", "http/1.1") if http2 else ("http/1.1",)), http2=http2, timeout=60)


def open_now(edge, port):
    return json.loads(edge.curl(edge.url(port, "/open")))


@pytest.mark.parametrize("http2", [False, True])
def test_events_arrive_as_they_are_made(app, http2):
    edge, port = app
    with client(edge, http2) as http, http.stream("GET", edge.url(port, "/sse")) as answer:
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        late = [time.time() - float(line[6:]) for line, _ in zip((x for x in answer.iter_lines() if x.startswith("data: ")), range(8))]
    assert max(late) < 0.2, late
    until("the stream to end at the app", lambda: open_now(edge, port)["streams"] == 0, 3)


@pytest.mark.parametrize("http2", [False, True])
def test_bodies_both_ways(app, http2):
    edge, port = app
    with client(edge, http2) as http:
        for size in (0, 1, 65_535, 65_536, 3_000_001):
            body = bytes(size)
            assert http.post(edge.url(port, "/upload"), content=body).json()["sha256"] == hashlib.sha256(body).hexdigest()
            # Without a length it is chunked on HTTP/1.1.
            assert http.post(edge.url(port, "/upload"), content=iter([body])).json()["size"] == size
            assert len(http.get(edge.url(port, f"/bytes/{size}")).content) == size
        parts = ({"file": ("a.bin", bytes(1 << 20))})
        assert http.post(edge.url(port, "/upload"), files=parts).json()["size"] > 1 << 20


def test_many_requests_at_once(app):
    edge, port = app

    async def go():
        async with httpx.AsyncClient(verify=edge.context(("h2",)), http2=True, timeout=60) as http:
            got = await asyncio.gather(*(http.get(edge.url(port, f"/bytes/{i * 1000}")) for i in range(100)))
            assert [len(one.content) for one in got] == [i * 1000 for i in range(100)]

    asyncio.run(go())


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_an_aborted_download_ends_at_the_app(app, version):
    edge, port = app
    got = edge.curl(version, "-N", "--max-time", "1", edge.url(port, "/sse"), check=False)
    assert b"data: " in got.stdout
    until("the stream to end at the app", lambda: open_now(edge, port)["streams"] == 0, 2)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_an_aborted_upload_ends_at_the_app(app, version):
    edge, port = app
    curl = subprocess.Popen(["curl", "-sS", "--cacert", edge.ca, version, "-T", "/dev/zero", "-X", "POST", edge.url(port, "/slow-upload")],
                            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until("the upload to begin", lambda: open_now(edge, port)["uploads"] == 1, 10)
    curl.kill()
    curl.wait()
    until("the upload to end at the app", lambda: open_now(edge, port)["uploads"] == 0, 3)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_slow_reader_costs_no_memory(app, version):
    edge, port = app
    before = edge.memory()
    curl = subprocess.Popen(["curl", "-sS", "--cacert", edge.ca, version, "--limit-rate", "1M", edge.url(port, "/bytes/1000000000")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    grown = edge.memory() - before
    curl.kill()
    curl.wait()
    assert grown < 16 << 20, f"{grown / 1e6:.0f} MB"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_slow_app_costs_no_memory(app, version):
    edge, port = app
    before = edge.memory()
    curl = subprocess.Popen(["curl", "-sS", "--cacert", edge.ca, version, "-T", "/dev/zero", "-X", "POST", edge.url(port, "/slow-upload")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    grown = edge.memory() - before
    curl.kill()
    curl.wait()
    assert grown < 16 << 20, f"{grown / 1e6:.0f} MB"


def test_websockets(app):
    websockets = pytest.importorskip("websockets")
    from websockets.asyncio.client import connect

    edge, port = app

    async def go():
        context = edge.context()
        async with connect(edge.wss(port, "/ws"), ssl=context, subprotocols=["a", "b"], max_size=1 << 30, origin=edge.url(port, "")) as ws:
            assert ws.subprotocol == "b"
            assert "permessage-deflate" in ws.response.headers["sec-websocket-extensions"]
            for message in ("hi", "", "x" * 125, "x" * 126, "é" * 40_000, b"\0\1", bytes(20_000_000)):
                await ws.send(message)
                assert await ws.recv() == message
            assert await (await ws.ping()) < 5
            await asyncio.gather(*(ws.send(str(i)) for i in range(500)))
            assert [await ws.recv() for _ in range(500)] == [str(i) for i in range(500)]
            await ws.close(4007, "bye")
        async with connect(edge.wss(port, "/ws/goodbye"), ssl=context) as ws:
            with pytest.raises(websockets.ConnectionClosed) as ended:
                await ws.recv()
            assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (4321, "goodbye")

    asyncio.run(go())
    assert open_now(edge, port)["close"] == 4007
    until("tunnels to be gone", lambda: edge.metric("porthole_tunnels_open") == 0, 5)


def test_a_websocket_that_breaks_ends_at_the_app(app):
    from websockets.sync.client import connect

    edge, port = app
    with connect(edge.wss(port, "/ws"), ssl=edge.context()) as ws:
        ws.send("a")
        assert ws.recv() == "a"
        # As if the machine went away: no close frame, no close_notify.
        ws.socket.shutdown(socket.SHUT_RDWR)
    until("the WebSocket to end at the app", lambda: open_now(edge, port)["streams"] == 0, 3)


@pytest.mark.timeout(300)
def test_an_idle_websocket_lives(app):
    from websockets.sync.client import connect

    edge, port = app
    # No pings from either side: the app was started without its own, which come every 20 s.
    with connect(edge.wss(port, "/ws"), ssl=edge.context(), ping_interval=None) as ws:
        ws.send("before")
        assert ws.recv() == "before"
        moved = edge.metric("porthole_upstream_bytes_received_total")
        time.sleep(130)
        assert edge.metric("porthole_upstream_bytes_received_total") == moved, "it was not idle"
        ws.send("after")
        assert ws.recv(timeout=5) == "after"


def test_only_idle_streams_end(edge, start):
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    from websockets.sync.client import connect

    port = free_port()
    start("uvicorn", [sys.executable, "-m", "uvicorn", "--app-dir", HERE / "apps", "asgi_app:app", "--port", port, "--log-level", "warning"]).ready(port)
    proxy = edge(extra="timeouts: {streamIdle: 2s}")
    for version in ("--http1.1", "--http2"):
        # One event every 250 ms is not idle.
        got = proxy.curl(version, "-N", "--max-time", "5", proxy.url(port, "/sse"), check=False)
        assert got.returncode == 28 and got.stdout.count(b"data: ") > 15, got
    with connect(proxy.wss(port, "/ws"), ssl=proxy.context(), ping_interval=None) as busy, connect(proxy.wss(port, "/ws"), ssl=proxy.context(), ping_interval=None) as idle:
        for _ in range(10):
            busy.send("a")
            assert busy.recv(timeout=2) == "a"
            time.sleep(0.5)
        with pytest.raises(Exception) as ended:
            idle.recv(timeout=3)
        assert not isinstance(ended.value, TimeoutError), "an idle WebSocket outlived streamIdle"


def test_the_app_sees_who_asks(app):
    edge, port = app
    got = edge.curl("-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Real-IP: 6.6.6.6", "-H", "X-Forwarded-Host: evil", edge.url(port, "/headers"))
    seen = dict(json.loads(got))
    assert seen["host"] == f"{edge.host(port)}:{edge.port}"
    assert seen["x-forwarded-for"] == seen["x-real-ip"] == "127.0.0.1"
    assert seen["x-forwarded-host"] == seen["host"] and seen["x-forwarded-proto"] == "https" and seen["x-forwarded-port"] == str(edge.port)
    assert "6.6.6.6" not in str(seen) and len(seen["x-request-id"]) == 32
