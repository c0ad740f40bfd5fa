"""The numbers of the guide: each is a published row, a prediction or a sentence of the claims ledger, a value, or read off a run.

Nothing is typed in: `knowledge/guide.toml` names where a number comes from, and it is looked up or computed when the guide is made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from ketasim.core import UsageError, value
from ketasim.core.errors import nearest
from ketasim.decide import claims
from ketasim.decide.claims_file import study_of
from ketasim.decide.measures import Term, read
from ketasim.evidence.published.studies import studies
from ketasim.evidence.published.study import Row
from ketasim.scenario.plan import read_times
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

WHERE = "knowledge/guide.toml"
PEOPLE, SEED = claims.PEOPLE, claims.SEED
Kind = Literal["counted", "simulated", "rule"]
COUNTED: Kind = "counted"
SIMULATED: Kind = "simulated"
RULE: Kind = "rule"
DAY_H = 24.0
HUNDRED = 100
BEYOND = "a time later than the run shows"


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the text. value, low, high : as resolved (a share is a fraction, a time hours); None where it lies beyond the run, low, high also where no interval is known.

    text, range : as printed. kind : counted (people of a trial or a survey), simulated, or rule. interval : what low and high are.
    source : where it stands, in words. shown : what `ketasim show` knows it by. claim : of the ledger. command : the line that prints it.
    stands : False where a prediction of the ledger has left what its verdict needs.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    range: str
    within: str
    kind: Kind
    says: str
    interval: str
    source: str
    shown: str
    claim: str
    command: str
    stands: bool


def number(name: str, table: Mapping[str, Any], book: Mapping[str, Any]) -> Number:
    """The number `name`, resolved. book : the whole guide (its runs, and numbers that others are made of). Raises UsageError that names what is missing."""
    where = f"{WHERE}, [numbers.{name}]"
    found = _found(where, name, table, book)
    show = table.get("show", "")
    low, high = found["low"], found["high"]
    span = "" if low is None or high is None else _span(show, low, high, where)
    low, high = (end if end is not None and math.isfinite(end) else None for end in (low, high))
    return Number(
        name=name,
        value=found["value"] if math.isfinite(found["value"]) else None,
        low=low,
        high=high,
        text=_said(show, found["value"], where),
        range=span,
        within=clock(read_times(table["within"])[0]) if table.get("within") else "",
        kind=found["kind"],
        says=table.get("says") or found.get("says", ""),
        interval=found.get("interval", ""),
        source=found["source"],
        shown=found.get("shown", ""),
        claim=found.get("claim", ""),
        command=found["command"],
        stands=found.get("stands", True),
    )


def _found(where: str, name: str, table: Mapping[str, Any], book: Mapping[str, Any]) -> dict[str, Any]:
    if "record" in table:
        return _of_record(where, table)
    if "claim" in table:
        return _of_claim(where, table) if "prediction" in table else _of_evidence(where, table)
    if "value" in table:
        known = value(table["value"])
        return _bare(known.value, RULE, f"{known.label} ({known.source})", known.name, f"ketasim show {known.name}")
    if "run" in table:
        return _of_run(where, table, book)
    if "difference" in table:
        first, second = (number(key, book["numbers"][key], book) for key in table["difference"])
        return _bare(_known(first) - _known(second), first.kind, first.source, first.shown, first.command)
    if "rest_of" in table:
        whole = number(table["rest_of"], book["numbers"][table["rest_of"]], book)
        return _bare(1.0 - _known(whole), whole.kind, whole.source, whole.shown, whole.command)
    raise UsageError(
        f"'{name}' does not say where it comes from",
        where=where,
        allowed="record, claim with prediction or evidence, value, run with summary or measure, difference, rest_of",
        fix='record = "..."',
    )


def _known(n: Number) -> float:
    return math.inf if n.value is None else n.value


def _bare(value: float, kind: str, source: str, shown: str, command: str) -> dict[str, Any]:
    return {
        "value": value,
        "low": None,
        "high": None,
        "kind": kind,
        "source": source,
        "shown": shown,
        "command": command,
    }


def row(where: str, table: Mapping[str, Any]) -> Row:
    """The one published row of a record (and arm). Raises UsageError if there is none, or more than one."""
    study = studies().get(study_of(table["record"]))
    rows = [r for r in study.rows if r.record == table["record"]] if study else []
    rows = [r for r in rows if table.get("arm", r.arm) == r.arm]
    if len(rows) != 1:
        raise UsageError(
            f"{len(rows)} rows for the record {table['record']}",
            where=where,
            allowed="one row: name its arm; " + ", ".join(sorted({r.arm for r in rows})),
            fix=f'record = "{table["record"]}", arm = "..."',
        )
    return rows[0]


def _of_record(where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    r = row(where, table)
    study = studies()[r.study]
    low, high = (None if math.isnan(x) else x for x in (r.low, r.high))
    count = f", {r.n:.0f} people" if not math.isnan(r.n) else ""
    return {
        "value": r.value,
        "low": low,
        "high": high,
        "interval": "95 % interval of the source" if low is not None else "",
        "kind": COUNTED,
        "source": f"{study.citation} (record {r.record}{count})",
        "shown": study.id,
        "command": f"ketasim show {study.id}",
    }


def _of_claim(where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    one = claims.claim(table["claim"])
    found = next((f for f in played(one.name).found if f.prediction.label == table["prediction"]), None)
    if found is None:
        labels = [p.label for p in one.predictions]
        raise UsageError(
            f"the claim {one.name} has no prediction '{table['prediction']}'",
            where=where,
            allowed="; ".join(labels),
            fix="".join(f'prediction = "{near}"' for near in nearest(table["prediction"], labels, 1)),
        )
    low, high, kind = (
        (found.model_low, found.model_high, "90 % credible interval of the typical person")
        if found.model_low is not None and found.model_low != found.model_high
        else (None, None, "")
    )
    if low is None and found.band == claims.SAMPLE:
        low, high, kind = found.low, found.high, f"90 % interval from having simulated {found.people} people"
    hours = DAY_H if found.prediction.unit == "d" else 1.0  # times are kept in hours
    return {
        "value": hours * found.value,
        "low": None if low is None else hours * low,
        "high": None if high is None else hours * high,
        "interval": kind,
        "kind": SIMULATED,
        "says": found.prediction.says,
        "source": f"the model; claim: {one.claim}",
        "claim": one.name,
        "command": f"ketasim claims {one.name}",
        "stands": found.stands,
    }


@lru_cache(maxsize=64)
def played(name: str) -> claims.Evaluated:
    """A claim carried out, once."""
    return claims.evaluate(name)


def _of_evidence(where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """A number in the ledger's own sentence about a record; where it is in percent it becomes a fraction."""
    one = claims.claim(table["claim"])
    said = next((e.says for e in one.evidence if table["evidence"] in e.records), "")
    match = re.search(table["find"], said)
    if match is None:
        raise UsageError(
            f"'{table['find']}' is not found in the evidence of {one.name} for {table['evidence']}",
            where=where,
            allowed=said or "a record of that claim",
            fix="find = a pattern with one group around the number",
        )
    read = float(match.group(1).replace(",", ""))
    shown = study_of(table["evidence"])
    return _bare(
        read / HUNDRED if table["show"].startswith("of ") else read,
        COUNTED,
        f"{said} ({shown}, record {table['evidence']})",
        shown if shown in studies() else "",
        f"ketasim claims {one.name}",
    ) | {"claim": one.name, "says": one.claim}


# runs ------------------------------------------------------------------------------------------------------------------


def _of_run(where: str, table: Mapping[str, Any], book: Mapping[str, Any]) -> dict[str, Any]:
    if table["run"] not in book["runs"]:
        raise UsageError(f"no run '{table['run']}'", where=where, allowed=", ".join(book["runs"]))
    asked = book["runs"][table["run"]]
    result = simulated(asked["words"], asked.get("setting", ""), float(asked["days"]), looks(book, table["run"]))
    if "summary" in table:
        return _of_summary(where, table, asked, result, book)
    term = Term(
        scenario=table["run"],
        measure=table["measure"],
        output=table.get("output", "madrs"),
        look=table.get("look", ""),
        limit=table.get("limit", 0.0),
    )
    each = read(term, result)[1:]
    if table.get("within"):
        each = np.where(np.isnan(each), np.nan, each <= read_times(table["within"])[0])
    return _simulated(float(np.nanmean(each)), table.get("output", "madrs"), table, asked, result, book)


def _of_summary(
    where: str, table: Mapping[str, Any], asked: Mapping[str, Any], result: Result, book: Mapping[str, Any]
) -> dict[str, Any]:
    """A number of the run's own summary, by its path in the JSON of the command line."""
    here: Any = result.summary
    for key in table["summary"].split("/"):
        if not isinstance(here, Mapping) or key not in here:
            raise UsageError(
                f"the summary has no '{key}'",
                where=f"{where} summary",
                allowed=", ".join(here) if isinstance(here, Mapping) else "a number",
                fix='summary = "mood/24 h/response/share"',
            )
        here = here[key]
    return _simulated(float(here), "madrs", table, asked, result, book)


def _simulated(
    found: float,
    shown: str,
    table: Mapping[str, Any],
    asked: Mapping[str, Any],
    result: Result,
    book: Mapping[str, Any],
) -> dict[str, Any]:
    at = ",".join(looks(book, table["run"]))
    setting = f" --setting {asked['setting']}" if asked.get("setting") else ""
    return _bare(
        found,
        SIMULATED,
        f"the model: {asked['words']}, setting {result.scenario.setting}, {result.ok} people, seed {SEED}",
        shown,
        f'ketasim run "{asked["words"]}"{setting} --people {PEOPLE} --days {asked["days"]:g} --seed {SEED} --at "{at}"',
    )


def looks(book: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Every time at which the guide looks at that run, in order."""
    found = {t["look"] for t in book["numbers"].values() if t.get("run") == name and t.get("look")}
    return tuple(sorted(found or {"24 h"}, key=lambda words: read_times(words)[0]))


@lru_cache(maxsize=16)
def simulated(words: str, setting: str, days: float, at: tuple[str, ...]) -> Result:
    """The run behind simulated numbers: the same as that of the command line."""
    return run(words, setting=setting or None, days=days, people=PEOPLE, seed=SEED, at=",".join(at))


# how it is printed -----------------------------------------------------------------------------------------------------


def share_of(share: float, of: int = HUNDRED) -> str:
    """A share as whole people: "45 of 100"; none and next to none in words."""
    people = round(of * share)
    if share > 0 and people == 0:
        return f"fewer than 1 of {of:,}"
    return f"{people:,} of {of:,}"


def clock(hours: float) -> str:
    """A time as people say it: minutes up to an hour and a half, then half hours, then days."""
    if hours <= 1.5 and hours != 1:
        return f"{round(hours * 12) * 5} minutes"
    if hours < 2 * DAY_H:
        halves = round(hours * 2) / 2 if hours < 6 else float(round(hours))
        return "1 hour" if halves == 1 else f"{halves:g} hours"
    return f"{round(hours / DAY_H)} days"


def _said(show: str, found: float, where: str) -> str:
    if not math.isfinite(found):
        return BEYOND
    if show == "of 100":
        return share_of(found)
    if show == "of 1000":
        return share_of(found, 1000)
    if show == "people":
        return f"{found:,.0f}"
    if show == "minutes":
        return f"{found:.0f} minutes"
    if show == "time":
        return clock(found)
    if show == "days":
        days = round(found / DAY_H)
        return "1 day" if days == 1 else f"{days} days"
    raise UsageError(
        f"unknown form '{show}'", where=where, allowed="of 100, of 1000, people, minutes, time, days", fix='"of 100"'
    )


def _span(show: str, low: float, high: float, where: str) -> str:
    """ "34 to 56", with the unit once."""
    ends = [_said(show, min(low, high), where), _said(show, max(low, high), where)]
    if not math.isfinite(max(low, high)):
        return f"{ends[0]} or more"
    if ends[0] == ends[1]:
        return ""  # as printed there is no interval
    first, _, unit = ends[0].partition(" ")
    return f"{first} to {ends[1]}" if unit and ends[1].endswith(unit) else " to ".join(ends)
