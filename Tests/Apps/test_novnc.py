"""noVNC with websockify: a desktop in a browser tab. Its WebSocket carries binary frames all the time."""
import os
import pathlib

import pytest

from edge import free_port, need, until

WEB = pathlib.Path("/usr/share/novnc")


def test_novnc(edge, start, chromium, folder):
    need("Xvfb", "x11vnc", "websockify", "xterm")
    if not WEB.exists():
        pytest.skip("noVNC is not installed (Debian package novnc)")
    display = next(n for n in range(90, 200) if not os.path.exists(f"/tmp/.X11-unix/X{n}") and not os.path.exists(f"/tmp/.X{n}-lock"))
    start("Xvfb", ["Xvfb", f":{display}", "-screen", "0", "800x600x24", "-nolisten", "tcp"])
    until("Xvfb", lambda: os.path.exists(f"/tmp/.X11-unix/X{display}"), 10)
    vnc, web = free_port(), free_port()
    start("x11vnc", ["x11vnc", "-display", f":{display}", "-rfbport", vnc, "-localhost", "-forever", "-shared", "-nopw", "-noxdamage"]).ready(vnc)
    # Coloured blocks that change all the time, and a program that writes down what is typed.
    start("xterm", ["xterm", "-bg", "#336699", "-fg", "#ffcc00", "-geometry", "120x40+0+0", "-e", "bash", "-c", "read -r line; echo \"$line\" > typed; while :; do seq 1 200; done"], {"DISPLAY": f":{display}"})
    start("websockify", ["websockify", "--web", WEB, f"127.0.0.1:{web}", f"127.0.0.1:{vnc}"]).ready(web)
    proxy = edge()
    page = chromium(proxy)
    page.goto(proxy.url(web, "/vnc.html?autoconnect=true&resize=scale&path=websockify"))
    page.wait_for_selector("html.noVNC_connected")
    page.wait_for_selector("canvas")
    page.click("canvas", position={"x": 200, "y": 200})
    page.wait_for_timeout(1500)
    page.keyboard.type("hello vnc\n", delay=30)
    until("xterm to get the keys", lambda: (folder / "typed").exists() and (folder / "typed").read_text() == "hello vnc\n", 20)
    before = proxy.metric("porthole_upstream_bytes_received_total")
    page.wait_for_timeout(3000)
    assert proxy.metric("porthole_upstream_bytes_received_total") - before > 10_000, "the picture stands still"
    assert page.query_selector("html.noVNC_connected")
    # A screen that is not one colour.
    assert page.evaluate("""() => { const c = [...document.querySelectorAll('canvas')].sort((a, b) => b.width * b.height - a.width * a.height)[0];
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return new Set(d).size }""") > 2
