"""jupyterlab in Chromium: a kernel that computes, a terminal that takes keys, a large file up and down."""
import sys
import time

import pytest

from edge import free_port, until


@pytest.mark.parametrize("policy", ["public", "localhost"])
def test_jupyterlab(edge, start, chromium, folder, policy):
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    port = free_port()
    (folder / "home").mkdir()
    options = ["--ServerApp.token=secret", "--ServerApp.password=", "--no-browser", "--allow-root", f"--port={port}", "--port-retries=0", "--ip=127.0.0.1",
               f"--notebook-dir={folder / 'home'}", "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    if policy == "public":
        # Its DNS-rebinding guard takes only local names, and 127.0.0.1 is not what the browser sends.
        options.append("--ServerApp.allow_remote_access=True")
    start("jupyter", [sys.executable, "-m", "jupyterlab", *options],
          {"HOME": str(folder / "home"), "JUPYTER_PREFER_ENV_PATH": "1", "SHELL": "/bin/bash", "PS1": "$ "}).ready(port, 90)
    proxy = edge({port: {"host": policy}})
    page = chromium(proxy)
    page.set_default_timeout(60_000)
    # From a blank page, as a link in a chat does.
    page.goto(proxy.url(port, "/lab?token=secret&reset"))
    page.wait_for_selector(".jp-Launcher-body")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"

    page.click(".jp-LauncherCard[data-category=Notebook] >> nth=0")
    # A cell that is run before there is a kernel is not run at all.
    page.wait_for_selector("#jp-main-statusbar :text('| Idle')")
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first
    cell.click()
    page.keyboard.type("import time\nfor i in range(3): print('n', i * 7, flush=True); time.sleep(0.3)")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-OutputArea-output:has-text('n 14')")
    until("the kernel's WebSocket", lambda: proxy.metric("porthole_tunnels_open") >= 1, 10)

    page.goto(proxy.url(port, "/lab?reset"))
    page.wait_for_selector(".jp-LauncherCard[data-category=Other]")
    page.click(".jp-LauncherCard[data-category=Other]:has-text('Terminal')")
    page.wait_for_selector(".jp-Terminal .xterm-screen")
    page.click(".jp-Terminal .xterm-screen")
    time.sleep(1)
    page.keyboard.type("echo $((6*7)) > typed; seq 1 20000 | tail -1\n")
    until("the terminal to run it", lambda: (folder / "typed").exists() and (folder / "typed").read_text() == "42\n", 20)
    assert not [line for line in page.said if "status of 403" in line or "WebSocket connection to" in line], page.said

    body = "x" * 20_000_000
    answer = page.evaluate("""async body => {
      const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
      const answer = await fetch('/api/contents/big.txt', {method: 'PUT', headers: {'X-XSRFToken': xsrf},
        body: JSON.stringify({type: 'file', format: 'text', content: body})});
      const back = await fetch('/files/big.txt');
      return [answer.status, (await back.text()).length];
    }""", body)
    assert answer == [201, len(body)]
    refused = [one for one in proxy.requests() if one.get("refusal")]
    assert not refused, refused
