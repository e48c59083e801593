import os
import shutil

import pytest

from edge import Edge, Process

os.environ.setdefault("APPS_BINARY", os.path.join(os.path.dirname(__file__), "../../.build/release/porthole"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def edge(folder):
    """Call it for a Porthole: `edge()`, or `edge({8888: {"host": "localhost"}})`."""
    made = []

    def make(ports=None, extra=""):
        place = folder / f"porthole{len(made)}"
        place.mkdir()
        made.append(Edge(place, ports, extra))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def start(folder):
    """Call it for a process that ends with the test: `start("nginx", ["nginx", …])`."""
    made = []

    def make(name, arguments, environment=None):
        made.append(Process(name, arguments, folder, environment))
        return made[-1]

    yield make
    for one in reversed(made):
        one.stop(kill=True)


@pytest.fixture
def chromium(request, folder):
    """Call it with an edge for a browser page that trusts that edge's certificate."""
    playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (Debian package chromium)")
    playwright = playwright_api.sync_playwright().start()
    browsers = []

    def make(edge, **context):
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", f"--ignore-certificate-errors-spki-list={edge.key_hash}"])
        browsers.append(browser)
        made = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
        made.set_default_timeout(30_000)
        page = made.new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        return page

    yield make
    pictures = os.environ.get("APPS_PICTURES")
    for number, browser in enumerate(browsers):
        for context in browser.contexts:
            for page in context.pages:
                if pictures:
                    os.makedirs(pictures, exist_ok=True)
                    page.screenshot(path=f"{pictures}/{request.node.name}-{number}.png")
        browser.close()
    playwright.stop()
