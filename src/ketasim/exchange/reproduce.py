"""Tables and figures of the README and the docs anew, with a record that says of each what made it and what its checksum is.

Tables are the same bytes on every run of one version on one kind of processor; figures are drawn from them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ketasim._version import __version__
from ketasim.core import UsageError
from ketasim.core.files import write_whole
from ketasim.core.records import NOTICE
from ketasim.decide.credibility import to_dict
from ketasim.evidence.kinetics.pk_table import rows, summary, summary_text, text
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.run import run

from .tables import courses_csv

RECORD = "reproduce.json"
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


def reproduce(
    folder: str | Path, *, people: int = 200, figures: bool = True, tell: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Write every table (CSV, text, JSON) and figure (SVG) into `folder`, and `reproduce.json` beside them.

    people : drawn for the bands. tell : told the name of each file. Returns the record: version, and for each file what made it, its size
    and SHA-256. Raises UsageError for a folder that does not exist.
    """
    base = Path(folder)
    if not base.is_dir():
        raise UsageError(f"the folder {base} does not exist", where="reproduce", fix=f"mkdir -p {base}")
    files: dict[str, dict[str, Any]] = {}

    def put(name: str, content: bytes, made_by: str) -> None:
        write_whole(base / name, lambda place: _fill(place, content))
        files[name] = {"made_by": made_by, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if tell:
            tell(name)

    for name, make in RUNS.items():
        result = run(make(people))
        put(f"{name}.csv", courses_csv(result).encode(), f"run {result.scenario.title}; model {result.record.model}")
        if figures:
            result.plot(str(base / f"{name}.svg"))
            files[f"{name}.svg"] = {"made_by": f"{name}.csv, drawn", "bytes": (base / f"{name}.svg").stat().st_size}
    found = rows()
    put(
        "plasma.txt",
        (text(found) + "\n\n" + summary_text(summary(found)) + "\n").encode(),
        "evidence.kinetics.pk_table",
    )
    put("credibility.json", json.dumps(to_dict(), indent=1).encode(), "decide.credibility")
    record = {"ketasim": __version__, "notice": NOTICE, "people": people, "files": files}
    write_whole(base / RECORD, lambda place: _fill(place, json.dumps(record, indent=1).encode()))
    return record


def _fill(place: Path, content: bytes) -> None:
    place.write_bytes(content)
