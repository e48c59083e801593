import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from harness import Origin, Porthole  # noqa: E402


@pytest.fixture(scope="session")
def _shared():
    """One process with the default configuration for all tests that need nothing else."""
    with Porthole() as porthole:
        yield porthole


@pytest.fixture
def porthole(_shared):
    _shared.check()
    yield _shared
    _shared.check()


@pytest.fixture
def start():
    """Starts further processes: `start(limits={...})`. They end with the test."""
    started = []

    def start(**changes):
        started.append(Porthole(**changes))
        return started[-1]

    yield start
    failure = None
    for process in started:
        try:
            process.stop()
        except AssertionError as error:
            failure = error
    if failure:
        raise failure


@pytest.fixture
def origin():
    """An upstream on a free port: `origin.host` is its preview host in the sandbox `bench`."""
    with Origin() as made:
        yield made
        assert not made.errors, f"the proxy sent what is no request: {made.errors}"


@pytest.fixture
def make_origin():
    made = []

    def make(*arguments, **keywords):
        made.append(Origin(*arguments, **keywords))
        return made[-1]

    yield make
    for origin in made:
        origin.close()
    errors = [error for origin in made for error in origin.errors]
    assert not errors, f"the proxy sent what is no request: {errors}"
