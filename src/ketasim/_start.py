"""The `ketasim` command: a light module, so that Ctrl-C is answered while the heavy ones load."""

from __future__ import annotations

from collections.abc import Callable

from ketasim._quiet import start


def _load() -> Callable[[], None]:
    from ketasim.cli.main import main as run

    return run


def main() -> None:
    """Runs the command line; see `ketasim.cli.main`."""
    start(_load)
