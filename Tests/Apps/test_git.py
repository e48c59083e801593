"""git over smart HTTP: `git http-backend` behind a small CGI server; clone, and pushes too large for one buffer."""
import os
import pathlib
import subprocess
import sys

import pytest

from edge import free_port, need

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_push_and_clone(edge, start, folder, version):
    need("git")
    port = free_port()
    (folder / "repos").mkdir()

    def git(*arguments, cwd=folder):
        got = subprocess.run(["git", "-c", f"http.version={version}", *map(str, arguments)], cwd=cwd, text=True, capture_output=True,
                             env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder), "GIT_SSL_CAINFO": str(proxy.ca), "GIT_TERMINAL_PROMPT": "0"}, timeout=120)
        assert got.returncode == 0, got.stderr
        return got.stdout + got.stderr

    proxy = edge()
    git("init", "-q", "--bare", "-b", "main", "repos/work.git")
    git("config", "http.receivepack", "true", cwd=folder / "repos" / "work.git")
    start("git-server", [sys.executable, HERE / "apps" / "git_server.py", port, folder / "repos"]).ready(port)
    url = proxy.url(port, "/work.git")
    git("init", "-q", "-b", "main", "mine")
    mine = folder / "mine"
    git("config", "user.email", "a@b.c", cwd=mine)
    git("config", "user.name", "a", cwd=mine)
    # Above http.postBuffer (1 MiB) git sends chunks, after a probe with an empty body.
    (mine / "random").write_bytes(os.urandom(60_000_000))
    (mine / "text").write_text("one\n")
    git("add", ".", cwd=mine)
    git("commit", "-qm", "one", cwd=mine)
    git("push", "-q", url, "main", cwd=mine)
    (mine / "text").write_text("two\n")
    git("commit", "-qam", "two", cwd=mine)
    git("push", "-q", url, "main", cwd=mine)
    git("clone", "-q", url, "yours")
    assert (folder / "yours" / "random").read_bytes() == (mine / "random").read_bytes()
    assert (folder / "yours" / "text").read_text() == "two\n"
    git("fetch", "-q", "--depth", "1", url, "main", cwd=folder / "yours")
    used = {one["protocol"] for one in proxy.requests()}
    assert used == ({"HTTP/2.0"} if version == "HTTP/2" else {"HTTP/1.1"}), used
