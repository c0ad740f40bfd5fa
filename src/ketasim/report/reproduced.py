"""The tables of the docs and the figures of README and gallery, each with the command that makes it alone: what `ketasim reproduce` writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .gallery import PICTURES, paint
from .worked import PARTS


@dataclass(frozen=True)
class Made:
    """One file. command : makes it alone; write : writes it to a place."""

    command: str
    write: Callable[[Path], None]


def drawings(people: int) -> dict[str, Made]:
    """Every figure of README and gallery, as SVG, by file name."""
    return {f"{name}.svg": Made(p.command, _drawing(name, people)) for name, p in PICTURES.items()}


def _drawing(name: str, people: int) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        paint(name, place, people)

    return write


def tables() -> dict[str, Made]:
    """The pages and tables of the docs that follow from the model, by file name: claims, weighing, scorecard, worked examples."""
    return {
        "weigh.txt": Made("ketasim weigh", _weigh),
        "claims.md": Made("python -m ketasim.report.claims_page", _claims),
        "check.txt": Made("ketasim check", _check),
        **{
            f"{page.removesuffix('.md')}-{part}.txt": Made(f"python -m ketasim.report.worked {page}", _worked(make))
            for page, parts in PARTS.items()
            for part, make in parts.items()
        },
    }


def _worked(make: Callable[[], str]) -> Callable[[Path], None]:
    return lambda place: _text(place, make() + "\n")


def _text(place: Path, text: str) -> None:
    place.write_bytes(text.encode())


def _weigh(place: Path) -> None:
    from ketasim.evidence.weigh.weighing import weigh

    from .weigh_text import weigh_text

    _text(place, weigh_text(weigh(), every_study=True) + "\n")


def _claims(place: Path) -> None:
    from ketasim.decide.claims import evaluate_all

    from .claims_text import claims_page

    _text(place, claims_page(evaluate_all()))


def _check(place: Path) -> None:
    from ketasim.evidence.fit.check import card_of

    from .scorecard_text import text

    _text(place, text(card_of(leave_out=True), everything=True) + "\n")
