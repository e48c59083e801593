"""streamlit in Chromium: its WebSocket, a widget that answers, and a file upload past its XSRF guard."""
import pathlib
import sys

import pytest

from edge import free_port

HERE = pathlib.Path(__file__).parent


# CORS and XSRF protection are on, as they are by default.
@pytest.mark.parametrize("policy", ["public", "localhost"])
def test_streamlit(edge, start, chromium, folder, policy):
    pytest.importorskip("streamlit", reason="streamlit is not installed")
    port = free_port()
    proxy = edge({port: {"host": policy}})
    start("streamlit", [sys.executable, "-m", "streamlit", "run", HERE / "apps" / "streamlit_app.py", "--server.port", port, "--server.address", "127.0.0.1",
                        "--server.headless", "true", "--browser.gatherUsageStats", "false"], {"HOME": str(folder)}).ready(port, 90)
    page = chromium(proxy)
    page.goto(proxy.url(port))
    page.wait_for_selector("h1:has-text('Streamlit through Porthole')")
    page.fill("input[type=text]", "porthole")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Hello, elohtrop")
    page.set_input_files("input[type=file]", {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": bytes(30_000_000)})
    page.wait_for_selector("text=30000000 bytes")
    assert proxy.metric("porthole_tunnels_open") == 1
    assert not [one for one in proxy.requests() if one["status"] >= 400 and "favicon" not in one["target"]], proxy.requests()
