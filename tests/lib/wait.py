"""The one way to wait in a test: for a condition, with a deadline, saying for what."""

import time


def wait_until(condition, seconds, what):
    """The first true value of condition(), asked again every 20 ms; what: a text, or a function that gives one."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(0.02)
