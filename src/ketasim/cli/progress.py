"""A progress bar on standard error."""

from __future__ import annotations

import sys
import time


class Progress:
    """A bar for anything over two seconds, where a person is watching."""

    PATIENCE_S = 2.0
    WIDTH = 30

    def __init__(self, what: str) -> None:
        self.what, self.clock = what, time.monotonic
        self.begin, self.shown = self.clock(), False

    def __enter__(self) -> Progress:
        return self

    def show(self, share: float) -> None:
        """Draw the bar if the work has taken long enough to wonder."""
        if share >= 1.0 or not sys.stderr.isatty() or self.clock() - self.begin < self.PATIENCE_S:
            return
        full = round(self.WIDTH * share)
        sys.stderr.write(f"\r{self.what} [{'#' * full}{'.' * (self.WIDTH - full)}] {100 * share:3.0f} %")
        sys.stderr.flush()
        self.shown = True

    def __exit__(self, *_: object) -> None:
        if self.shown:
            sys.stderr.write("\r" + " " * (self.WIDTH + 24) + "\r")
