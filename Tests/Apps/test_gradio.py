"""gradio in Chromium and by gradio_client: its event stream, a file upload."""
import os
import pathlib
import subprocess
import sys

import pytest

from edge import free_port

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("policy", ["public", "localhost"])
def test_gradio(edge, start, chromium, folder, policy):
    pytest.importorskip("gradio", reason="gradio is not installed")
    port = free_port()
    start("gradio", [sys.executable, HERE / "apps" / "gradio_app.py", port], {"GRADIO_ANALYTICS_ENABLED": "False", "HOME": str(folder), "HF_HUB_OFFLINE": "1"}).ready(port, 120)
    proxy = edge({port: {"host": policy}})
    page = chromium(proxy)
    page.goto(proxy.url(port))
    page.fill("#in textarea", "hey")
    page.click("#go")
    seen = page.evaluate("""() => new Promise(done => {
      const seen = [], box = document.querySelector('#out textarea');
      const timer = setInterval(() => {
        if (box.value && !seen.includes(box.value)) seen.push(box.value);
        if (box.value == 'hey 3') { clearInterval(timer); done(seen) }
      }, 20);
    })""")
    # Each step was shown: the stream was not held back.
    assert seen == ["hey 1", "hey 2", "hey 3"]
    page.set_input_files("#file input[type=file]", {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": bytes(20_000_000)})
    page.wait_for_function("document.querySelector('#size textarea').value == '20000000 bytes'")
    assert not [one for one in page.said if "Mixed Content" in one or "CORS" in one], page.said
    assert not [one for one in proxy.requests() if one["status"] >= 500 or one.get("refusal")]
    client = f"""
import os, sys
sys.path.insert(0, {str(HERE)!r})
import edge
from gradio_client import Client
client = Client({proxy.url(port)!r}, verbose=False)
print(list(client.submit("there", api_name="/count")))
"""
    # One file of authorities for every library that might be used below.
    got = subprocess.run([sys.executable, "-c", client], env={**os.environ, "SSL_CERT_FILE": str(proxy.ca), "REQUESTS_CA_BUNDLE": str(proxy.ca)}, capture_output=True, text=True)
    assert "['there 1', 'there 2', 'there 3']" in got.stdout, got.stderr[-2000:]
