"""Write docs/claims.md: `python -m ketasim.report.claims_page [FILE]`."""

from __future__ import annotations

import sys
from pathlib import Path

from ketasim.decide.claims import evaluate_all

from .claims_text import claims_page

PAGE = Path("docs/claims.md")


def main() -> None:
    """Evaluate every claim and write the page."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    place.write_text(claims_page(evaluate_all()), encoding="utf-8")
    sys.stdout.write(f"{place}\n")


if __name__ == "__main__":
    main()
