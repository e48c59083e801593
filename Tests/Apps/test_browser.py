"""Chromium itself: which protocol carries what, the page of a closed port, tabs that are closed."""
import json
import os
import pathlib
import sys
import time

import pytest

from edge import free_port, until

HERE = pathlib.Path(__file__).parent
PICTURES = os.environ.get("APPS_PICTURES")


@pytest.fixture
def serve(start):
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")

    def make(port):
        return start("uvicorn", [sys.executable, "-m", "uvicorn", "--app-dir", HERE / "apps", "asgi_app:app", "--port", port, "--log-level", "warning",
                                 "--ws-ping-interval", 3600])

    return make


def open_now(edge, port):
    return json.loads(edge.curl(edge.url(port, "/open")))


def test_a_websocket_shares_the_http2_connection(edge, serve, chromium):
    port = free_port()
    serve(port).ready(port)
    proxy = edge()
    page = chromium(proxy)
    page.goto(proxy.url(port))
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    accepted = proxy.metric('porthole_downstream_connections_accepted_total{listener="https"')
    echoed = page.evaluate("""() => new Promise((done, fail) => {
      const ws = window.ws = new WebSocket(location.href.replace('https', 'wss') + 'ws', ['one', 'two']);
      ws.onopen = () => ws.send('x'.repeat(300000));
      ws.onmessage = event => done([event.data.length, ws.protocol, ws.extensions]);
      ws.onerror = () => fail('refused');
    })""")
    assert echoed[:2] == [300_000, "two"] and echoed[2].startswith("permessage-deflate"), echoed
    assert proxy.metric("porthole_tunnels_open") == 1
    # RFC 8441: no second connection was made for it.
    assert proxy.metric('porthole_downstream_connections_accepted_total{listener="https"') == accepted
    closed = page.evaluate("() => new Promise(done => { ws.onclose = event => done([event.code, event.wasClean]); ws.close(4009, 'done') })")
    assert closed == [4009, True]
    until("the app to see it", lambda: open_now(proxy, port).get("close") == 4009, 5)
    until("it in the access log", lambda: [one["protocol"] for one in proxy.requests() if one["target"] == "/ws"] == ["websocket"], 5)


def test_a_closed_tab_ends_everything_of_it(edge, serve, chromium):
    port = free_port()
    serve(port).ready(port)
    proxy = edge()
    page = chromium(proxy)
    page.goto(proxy.url(port))
    page.evaluate("""() => new Promise(done => {
      window.source = new EventSource('/sse');
      window.ws = new WebSocket(location.href.replace('https', 'wss') + 'ws');
      window.reader = fetch('/sse').then(answer => answer.body.getReader());
      let count = 0;
      source.onmessage = () => { if (++count == 3 && ws.readyState == 1) done() };
    })""")
    until("three streams", lambda: open_now(proxy, port)["streams"] == 3, 5)
    page.close()
    until("the streams to end at the app", lambda: open_now(proxy, port)["streams"] == 0, 3)


def test_an_upload_shows_its_progress(edge, serve, chromium):
    port = free_port()
    serve(port).ready(port)
    proxy = edge()
    page = chromium(proxy)
    page.goto(proxy.url(port))
    seen = page.evaluate("""() => new Promise((done, fail) => {
      const request = new XMLHttpRequest(), seen = [];
      request.upload.onprogress = event => seen.push([performance.now(), event.loaded]);
      request.onload = () => done({seen, answer: JSON.parse(request.responseText)});
      request.onerror = fail;
      request.open('POST', '/slow-upload');
      // A file, as people upload them; playwright copies other bodies for itself first.
      request.send(new File([new Uint8Array(40000000)], 'a.bin'));
    })""")
    assert seen["answer"]["size"] == 40_000_000
    points = seen["seen"]
    # The app takes its time, and the browser sees that: what Porthole and the sockets hold is a small part.
    assert len(points) > 5, points
    assert points[-1][0] - points[0][0] > 0.5 * 1000 * seen["answer"]["seconds"], (points[0], points[-1], seen["answer"])


@pytest.mark.parametrize("look", ["desktop-light", "desktop-dark", "phone-light", "phone-dark"])
def test_the_page_of_a_closed_port_follows(edge, serve, chromium, look):
    port = free_port()
    proxy = edge()
    device, scheme = look.split("-")
    size = {"width": 375, "height": 667} if device == "phone" else {"width": 1280, "height": 800}
    page = chromium(proxy, viewport=size, color_scheme=scheme, device_scale_factor=2)
    answer = page.goto(proxy.url(port, "/?a=b#c"))
    assert answer.status == 502 and answer.headers["porthole-error"] == "dial/port-closed"
    assert str(port) in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/closed-{look}.png")
    time.sleep(2.5)
    assert page.title() != "app"
    serve(port).ready(port)
    # Not `wait_for_function`: it evaluates a string, which the page's policy forbids.
    until("the app's own page", lambda: page.title() == "app", 10)
    assert page.url.endswith("/?a=b#c")
    assert not [one for one in page.said if "Content Security Policy" in one], page.said


@pytest.mark.timeout(400)
def test_an_idle_websocket_lives_in_a_browser(edge, serve, chromium):
    port = free_port()
    start = serve(port)
    start.ready(port)
    proxy = edge()
    page = chromium(proxy)
    page.goto(proxy.url(port))
    page.evaluate("""() => new Promise(done => {
      window.ended = null;
      window.ws = new WebSocket(location.href.replace('https', 'wss') + 'ws');
      ws.onclose = event => window.ended = event.code;
      ws.onopen = done;
    })""")
    # Without pings of the app's; what the page itself loads is over by then.
    page.wait_for_timeout(2_000)
    moved = proxy.metric("porthole_upstream_bytes_received_total")
    for _ in range(13):
        page.wait_for_timeout(10_000)
    assert proxy.metric("porthole_upstream_bytes_received_total") == moved, "it was not idle"
    assert page.evaluate("ended") is None
    assert page.evaluate("() => new Promise(done => { ws.onmessage = event => done(event.data); ws.send('still here') })") == "still here"
