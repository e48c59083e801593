"""Chromium's DevTools port: its `Host` must be an address or localhost, and its WebSocket checks `Origin`."""
import json
import shutil

import pytest

from edge import OTHER_DOMAIN, free_port, until


@pytest.fixture
def port(start, folder):
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (Debian package chromium)")
    port = free_port()
    start("chromium", [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
                       f"--remote-debugging-port={port}", "data:text/html,<title>inside</title>"]).ready(port)
    return port


def test_the_protocol(edge, port):
    from websockets.sync.client import connect

    proxy = edge({port: {"host": "localhost"}})
    version = json.loads(proxy.curl(proxy.url(port, "/json/version")))
    # It builds the address from Host; the path is what counts.
    path = version["webSocketDebuggerUrl"].partition(f"localhost:{port}")[2]
    with connect(proxy.wss(port, path), ssl=proxy.context(), max_size=1 << 28) as socket:
        def ask(id, method, **more):
            socket.send(json.dumps({"id": id, "method": method, "params": more}))
            while True:
                answer = json.loads(socket.recv(timeout=20))
                if answer.get("id") == id:
                    return answer["result"]

        assert "Chrome" in ask(1, "Browser.getVersion")["product"]
        until("the page inside", lambda: any(one["title"] == "inside" for one in ask(2, "Target.getTargets")["targetInfos"]), 20)


def test_playwright_through_it(edge, port, folder):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    import os
    import subprocess
    import sys

    proxy = edge({port: {"host": "localhost"}})
    path = json.loads(proxy.curl(proxy.url(port, "/json/version")))["webSocketDebuggerUrl"].partition(f"localhost:{port}")[2]
    # Node's resolver does not know *.localhost either.
    (folder / "lookup.js").write_text("""
const dns = require('dns'), lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);
const promised = dns.promises.lookup;
dns.promises.lookup = (name, ...rest) => promised(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);
""")
    program = f"""
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    browser = playwright.chromium.connect_over_cdp({proxy.wss(port, path)!r})
    page = browser.contexts[0].new_page()
    page.set_content("<h1>" + "x" * 3000000 + "</h1>")
    print(len(page.inner_text("h1")), len(page.screenshot()) > 1000)
"""
    got = subprocess.run([sys.executable, "-c", program], env={**os.environ, "NODE_EXTRA_CA_CERTS": str(proxy.ca), "NODE_OPTIONS": f"--require {folder / 'lookup.js'}"},
                         capture_output=True, text=True, timeout=90)
    assert got.stdout.split() == ["3000000", "True"], got.stderr[-2000:]


def test_the_public_host_is_refused_by_the_app(edge, port):
    proxy = edge()
    # Any *.localhost is good enough for Chromium; a real domain is not.
    host = f"{port}-app.{OTHER_DOMAIN}:{proxy.port}"
    answer = proxy.curl("-i", "--http1.1", "--resolve", f"{host}:127.0.0.1", f"https://{host}/json/version").decode()
    assert " 500 " in answer and "Host header is specified" in answer and "porthole-error" not in answer.lower()


def test_a_page_of_another_origin_is_refused_by_the_app(edge, port):
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    proxy = edge({port: {"host": "localhost"}})
    path = json.loads(proxy.curl(proxy.url(port, "/json/version")))["webSocketDebuggerUrl"].partition(f"localhost:{port}")[2]
    with pytest.raises(InvalidStatus) as error, connect(proxy.wss(port, path), ssl=proxy.context(), origin="https://evil.example"):
        pass
    assert error.value.response.status_code == 403
