"""The `ketasim` command: a light module, so that Ctrl-C is answered while the heavy ones load."""

from __future__ import annotations

import gc
from collections.abc import Callable

from ketasim._quiet import start

GARBAGE = 20_000  # new objects before a look, in place of 700


def _load() -> Callable[[], None]:
    from ketasim.cli.main import main as run

    return run


def main() -> None:
    """Runs the command line; see `ketasim.cli.main`. What is loaded stays, so it is looked through for garbage rarely: a twentieth of the time of a short command."""
    gc.set_threshold(GARBAGE, 20, 20)
    try:
        start(_load)
    finally:
        gc.freeze()  # nor is it looked through once more at the end
