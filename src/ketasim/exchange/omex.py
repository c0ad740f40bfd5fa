"""A scenario as a COMBINE archive: model, courses, run record, figure, and a page that says what is what."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from ketasim._version import __version__
from ketasim.core import UsageError
from ketasim.core.records import NOTICE
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.run import run

from .archive import Archive, packed
from .losses import listed
from .sbml import lost as lost_in_sbml
from .sbml import sbml_text
from .tables import courses_csv
from .typical import Plain

MODEL, COURSE, RECORD, FIGURE, READ = "model.xml", "course.csv", "run.json", "figure.svg", "read-me.txt"


def lost(model: Plain) -> list[str]:
    """What the archive loses: what its SBML loses; the rest stands in the table."""
    return [
        *(f"model.xml: {line}" for line in lost_in_sbml(model)),
        "no SED-ML: the simulation is described by run.json, which Ketasim reads",
    ]


def omex_bytes(asked: Scenario, model: Plain) -> bytes:
    """The archive. The same scenario gives the same bytes but for the figure's renderer."""
    result = run(asked)
    record = {
        "ketasim": __version__,
        "model": model.composition.hash,
        "numbers": result.record.numbers,
        "seed": asked.seed,
        "people": asked.people,
        "settings": result.record.settings,
        "notice": NOTICE,
    }
    files = {
        MODEL: sbml_text(model).encode(),
        COURSE: courses_csv(result).encode(),
        RECORD: json.dumps(record, indent=2, default=_json, ensure_ascii=False).encode(),
        FIGURE: _figure(result),
        READ: _read(model, result.cite()).encode(),
    }
    return packed(files, MODEL)


def run_again(archive: Archive, where: str) -> tuple[Scenario, float]:
    """The scenario of an archive that Ketasim wrote, and the largest difference (relative to its peak) of the typical courses from those in it.

    Raises UsageError for an archive without a run record of ours, or one that asks for what the words cannot say.
    """
    for name in (RECORD, COURSE):
        if name not in archive.files:
            raise UsageError(
                f"the archive has no {name}: Ketasim did not write it",
                where=where,
                allowed="what `export --to omex` writes",
            )
    try:
        record = json.loads(archive.files[RECORD])
        asked = _scenario(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{RECORD} is no run record: {str(error)[:100]}", where=where) from error
    return asked, _difference(asked, archive.files[COURSE].decode("utf-8", "replace"), where)


def _scenario(record: dict[str, Any]) -> Scenario:
    told = record["settings"]
    if any(key in told for key in ("compounds", "sudden", "held")):
        raise UsageError(
            "the archive holds a compound or an experiment of its own", where=RECORD, allowed="words alone"
        )
    return scenario(
        told["words"],
        repeat=told["repeat"],
        with_=told["with"],
        setting=told["setting"],
        masked=told["masked"],
        days=told["days"],
        at=told["at"],
        people=0,
        draws=0,
        seed=record["seed"],
        values=told.get("values") or {},
        variants=told.get("variants") or {},
        hypothesis=told.get("hypothesis"),
        **{key: item for key, item in told["traits"].items() if item is not None},
    )


def _difference(asked: Scenario, table: str, where: str) -> float:
    import csv
    import io

    import numpy as np

    then: dict[str, list[tuple[float, float]]] = {}
    try:
        for row in csv.DictReader(io.StringIO(table)):
            then.setdefault(row["output"], []).append((float(row["time_h"]), float(row["typical"] or "nan")))
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise UsageError(f"{COURSE} cannot be read: {str(error)[:100]}", where=where) from error
    now = run(asked)
    worst = 0.0
    for name, course in now.outputs.items():
        told = dict(then.get(name, ()))
        if not told or any(float(t) not in told for t in course.time_h):
            raise UsageError(f"{COURSE} has not the times or outputs of its own run record ({name})", where=where)
        old = np.array([told[float(t)] for t in course.time_h])
        scale = max(float(np.nanmax(np.abs(course.typical))), 1e-9)
        worst = max(worst, float(np.nanmax(np.abs(old - course.typical))) / scale)
    return worst


def _figure(result: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / FIGURE
        result.plot(str(place))
        return place.read_bytes()


def _read(model: Plain, sources: str) -> str:
    return "\n".join(
        [
            f"Ketasim {__version__}: {model.scenario.title}",
            NOTICE,
            "",
            f"{MODEL}  the equations and doses of the typical person (SBML L3V2)",
            f"{COURSE}  every output: typical person and bands between people",
            f"{RECORD}  what was run; `ketasim import` runs it again and compares",
            f"{FIGURE}  the course",
            "",
            "What the model file loses:",
            listed(lost(model)),
            "",
            "Sources",
            sources,
            "",
        ]
    )


def _json(item: Any) -> Any:
    if hasattr(item, "tolist"):
        return item.tolist()
    if hasattr(item, "items"):
        return dict(item)
    return list(item)
