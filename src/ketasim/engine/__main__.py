"""`python -m ketasim.engine`: see `ketasim.engine.door`."""

from __future__ import annotations

import sys
from collections.abc import Callable


def _load() -> Callable[[], int]:
    from .door import main

    return main


if __name__ == "__main__":
    from ketasim._quiet import start

    sys.exit(start(_load))
