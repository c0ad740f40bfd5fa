"""One look for every figure: the same drug has the same colour and the same dash, so that colour is never alone.

Colours were searched for contrast of at least 3:1 and distance under normal, protan, deutan and tritan vision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BACKGROUND = "#f7f8fa"
INK = "#1b2026"
QUIET = "#5a6570"
TINT = 0.20  # of a between-people band

# drug -> colour and dash (points on, points off; empty = solid), width
LINES: Mapping[str, tuple[str, tuple[float, ...], float]] = {
    "s": ("#0f4366", (), 1.8),
    "r": ("#b26b00", (8, 4), 1.8),
    "nk": ("#3f3409", (8, 3, 2, 3), 1.6),
    "hnk": ("#008c54", (2, 3), 1.8),
    "co": ("#7c39bf", (5, 2), 1.6),
    "placebo": ("#828a90", (), 1.0),
}
DRUG_LINES: Mapping[str, str] = {"esketamine": "s", "arketamine": "r", "hnk": "hnk", "placebo": "placebo"}
SPARE = ("co", "nk", "hnk", "r", "s", "placebo")  # for the racemate and for a second arm of one drug


def line(key: str) -> dict[str, Any]:
    """Keyword arguments of a plot call for the drug `key`."""
    return _keywords(*LINES[key])


def arms(drugs: Sequence[str]) -> list[dict[str, Any]]:
    """Keyword arguments of a plot call per arm: a drug's own colour and dash where it has one, no two arms alike."""
    taken: dict[int, str] = {}
    for number, drug in enumerate(drugs):
        key = DRUG_LINES.get(drug, "")
        if key and key not in taken.values():
            taken[number] = key
    for number in range(len(drugs)):
        if number not in taken:
            taken[number] = next(key for key in SPARE if key not in taken.values())
    return [line(taken[number]) for number in range(len(drugs))]


def _keywords(colour: str, dashes: tuple[float, ...], width: float) -> dict[str, Any]:
    found: dict[str, Any] = {"color": colour, "linewidth": width}
    if dashes:
        # matplotlib counts dashes in line widths
        found["linestyle"] = (0, tuple(part / width for part in dashes))
    return found


RC: Mapping[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.facecolor": BACKGROUND,
    "figure.facecolor": "white",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dfe3e8",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "ketasim",
    "svg.fonttype": "none",
    "legend.frameon": True,
    "legend.framealpha": 0.75,
    "legend.edgecolor": "none",
    "legend.facecolor": "white",
}
