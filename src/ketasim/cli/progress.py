"""A progress bar on standard error."""

from __future__ import annotations

import sys
import threading
import time


class Progress:
    """A bar for anything over two seconds, where a person is watching.

    It appears by itself, also while nothing is reported (a model that is compiled for the first time), and is wiped at the end.
    """

    PATIENCE_S = 2.0
    EVERY_S = 0.5
    WIDTH = 30
    TURNS = "|/-\\"

    def __init__(self, what: str) -> None:
        self.what, self.clock = what, time.monotonic
        self.begin, self.shown, self.share, self.turn = self.clock(), False, 0.0, 0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._beat: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if sys.stderr is not None and sys.stderr.isatty():
            self._beat = threading.Thread(target=self._watch, daemon=True)
            self._beat.start()
        return self

    def show(self, share: float) -> None:
        """What is done by now; drawn if the work has taken long enough to wonder."""
        self.share = share
        if self._beat is not None and share < 1.0 and self.clock() - self.begin >= self.PATIENCE_S:
            self._draw()

    def _watch(self) -> None:
        wait = self.PATIENCE_S
        while not self._over.wait(wait):
            self._draw()
            wait = self.EVERY_S

    def _draw(self) -> None:
        with self._lock:
            if self._over.is_set():
                return
            full, self.turn = round(self.WIDTH * self.share), self.turn + 1
            bar = f"[{'#' * full}{'.' * (self.WIDTH - full)}] {100 * self.share:3.0f} %"
            sys.stderr.write(f"\r{self.what} {bar} {self.TURNS[self.turn % len(self.TURNS)]}")
            sys.stderr.flush()
            self.shown = True

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over.set()
        if self.shown:
            sys.stderr.write("\r" + " " * (len(self.what) + self.WIDTH + 12) + "\r")
            sys.stderr.flush()
