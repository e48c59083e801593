"""Waiting without sleeping through it."""

import time

# Seconds. Generous, because a test machine may be busy; it is only ever used up by a failure.
DEADLINE = 10.0


def wait_until(condition, what="the condition", seconds=DEADLINE):
    """Polls until `condition()` is true, and returns its value. Fails when the deadline passes."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.005)
