"""Starts a command line so that Ctrl-C ends it quietly also while its imports are under way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

STOPPED = 130  # exit code of a program that Ctrl-C ended: 128 + SIGINT


def start(load: Callable[[], Callable[[], Any]]) -> Any:
    """Runs the function that `load` imports. Nothing is open yet while it loads, so leaving at once loses nothing."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(STOPPED))
    run = load()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()
