"""`python -m ketasim`: the same as the `ketasim` command."""

from __future__ import annotations

from ketasim._start import main

if __name__ == "__main__":
    main()
