"""Tables and figures of the README and the docs anew, with a record that says of each what made it and what its checksum is.

Tables are the same bytes on every run of one version on one kind of processor; figures are drawn from the same runs. What measures time, or was frozen on
a day (`NOT_REDONE`), is named in the record with the command that makes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketasim._version import __version__
from ketasim.core import FrozenMapping, UsageError, knowledge_path
from ketasim.core.files import write_whole
from ketasim.core.records import NOTICE
from ketasim.evidence.kinetics.pk_table import rows, summary, summary_text, text
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.run import run

from .capabilities import to_dict
from .credibility_page import page
from .tables import courses_csv

RECORD = "reproduce.json"
NOT_REDONE: Mapping[str, str] = {
    "docs/benchmarks.md": "measures time on one machine: python benchmarks/peers.py and the others beside it",
    "docs/forward-predictions.md": "frozen on its day with a hash: python -m ketasim.decide.forward prints the predictions of today",
    "docs/forecast-calibration.md": "10,000 simulated people, five minutes: python -m ketasim.person.calibration",
    "docs/trial-replay.md": "every published trial simulated again, an hour: python -m ketasim.report.replay_text",
    "docs/sensitivity.md": "every uncertain value moved, minutes: python -m ketasim.report.sensitivity_page",
    "docs/how-to/naltrexone-trial.md": "its table of two crossovers, minutes: python -m ketasim.report.outcomes_text",
    "docs/tutorials/table-1-to-power.md": "the design stands in the page: python -m ketasim.report.trial_tutorial FILE",
    "docs/hypotheses.md": "figures of the calibrations that ship, written at the fit: python -m ketasim.evidence.weigh.weigh_fit",
    "docs/decisions/*.md": "what was measured when a decision was taken; the page names the command",
}
"""Tables of the docs that `reproduce` leaves, with the reason."""
IV = "ketamine iv 0.5 mg/kg over 40 min"
RUNS: Mapping[str, Callable[[int], Scenario]] = {
    "infusion": lambda people: scenario(IV, people=people),
    "infusions_with_naltrexone": lambda people: scenario(
        IV, repeat="twice weekly x 6", with_="naltrexone oral 50 mg at -45 min", days=28, people=people
    ),
    "spray": lambda people: scenario("esketamine nasal 84 mg", people=people),
    "arketamine": lambda people: scenario("arketamine iv 0.5 mg/kg over 40 min", people=people),
}
"""The README's scenarios by the name of their files."""
COMMANDS: Mapping[str, str] = {
    "infusion": f'ketasim run "{IV}" --csv',
    "infusions_with_naltrexone": (
        f'ketasim run "{IV}" --repeat "twice weekly x 6" --with "naltrexone oral 50 mg at -45 min" --days 28 --csv'
    ),
    "spray": 'ketasim run "esketamine nasal 84 mg" --csv',
    "arketamine": 'ketasim run "arketamine iv 0.5 mg/kg over 40 min" --csv',
}
"""The command that prints each of them."""


@dataclass(frozen=True)
class Piece:
    """One more table or figure: what made it (a command), and a function that writes it to a place. drawn : a figure, not a table."""

    made_by: str
    write: Callable[[Path], None]
    drawn: bool = False


def reproduce(
    folder: str | Path,
    *,
    people: int = 200,
    more: Mapping[str, Piece] = FrozenMapping({}),
    tell: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write every table (CSV, text, JSON, Markdown) and figure into `folder`, and `reproduce.json` beside them.

    people : drawn for the bands. more : further tables and figures by file name (`report.reproduced` has those of README and docs). tell : told of
    each file before it is made, with its place in the row ("3 of 14: claims.md"). Returns the record: version, numbers of the fit, and for each file what made it, its size and SHA-256. Raises UsageError for a folder that
    does not exist.
    """
    base = Path(folder)
    if not base.is_dir():
        raise UsageError(f"the folder {base} does not exist", where="reproduce", fix=f"mkdir -p {base}")
    files: dict[str, dict[str, Any]] = {}

    def put(name: str, piece: Piece) -> None:
        write_whole(base / name, piece.write)
        content = (base / name).read_bytes()
        kind = "figure" if piece.drawn else "table"
        files[name] = {
            "made_by": piece.made_by,
            "kind": kind,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    pieces = own_tables(people) | dict(more)
    for number, (name, piece) in enumerate(pieces.items(), start=1):
        if tell:
            tell(f"{number} of {len(pieces)}: {name}")
        put(name, piece)
    record = {
        "ketasim": __version__,
        "notice": NOTICE,
        "people": people,
        "numbers": numbers_hash(),
        "files": files,
        "not_redone": dict(NOT_REDONE),
    }
    write_whole(base / RECORD, lambda place: _fill(place, json.dumps(record, indent=1).encode()))
    return record


def own_tables(people: int) -> dict[str, Piece]:
    """The courses of the README's scenarios, the published plasma levels beside the model, the credibility list."""

    def courses(make: Callable[[int], Scenario]) -> Callable[[Path], None]:
        return lambda place: _fill(place, courses_csv(run(make(people))).encode())

    def levels(place: Path) -> None:
        found = rows()
        _fill(place, (text(found) + "\n\n" + summary_text(summary(found)) + "\n").encode())

    found = {f"{name}.csv": Piece(COMMANDS[name], courses(make)) for name, make in RUNS.items()}
    return found | {
        "plasma.txt": Piece("python -m ketasim.evidence.kinetics.pk_table", levels),
        "credibility.json": Piece(
            "python -m ketasim.exchange.credibility_page --json",
            lambda place: _fill(place, json.dumps(to_dict(), indent=1, ensure_ascii=False).encode()),
        ),
        "credibility.md": Piece(
            "python -m ketasim.exchange.credibility_page", lambda place: _fill(place, page().encode())
        ),
    }


def numbers_hash() -> str:
    """A short hash of the fitted numbers that every run starts from."""
    place = knowledge_path() / "posterior"
    told = hashlib.sha256()
    for path in sorted(place.rglob("*")):
        if path.is_file():
            told.update(path.relative_to(place).as_posix().encode() + path.read_bytes())
    return told.hexdigest()[:16]


def _fill(place: Path, content: bytes) -> None:
    place.write_bytes(content)
