"""Published plasma levels as a PEtab 2 problem: model, doses as experiments, measurements with their errors, priors.

What PEtab can say of our evidence is a level of the typical person at a time. Areas, peaks, half-lives, ratios between arms, shares
of people and every score of mood are functionals of courses or of populations; they are counted and left out.

    ln(measurement) ~ Normal(ln(level at that time), error)
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ketasim._version import __version__
from ketasim.chain import compose, to_sbml
from ketasim.chain.compose import Composition
from ketasim.core import UsageError, unknown_name
from ketasim.core.records import NOTICE
from ketasim.core.values import values
from ketasim.evidence.kinetics.fit_plasma import Prior, priors
from ketasim.evidence.kinetics.pk_table import Target, study_of, targets
from ketasim.evidence.kinetics.plasma_arms import OUTPUTS, arm
from ketasim.forward import Given, molar_mass
from ketasim.stages.plasma.routing import Share, routing_values
from ketasim.stages.plasma.stage import STAGE

from .written import Export
from .written import Target as Format

EVERYTHING = "all"
VERSION = "2.0.0"
WIDE = 6.0  # bounds of a parameter: so many SD of its prior either way
SAME_H = 1e-9


@dataclass(frozen=True)
class Problem:
    """The chosen rows and what they need. studies : that were asked for. left_out : statistic -> how many rows PEtab cannot say."""

    studies: tuple[str, ...]
    rows: tuple[Target, ...]
    left_out: Mapping[str, int]
    composition: Composition
    fitted: tuple[Prior, ...]


def problem(words: str) -> Problem:
    """The problem of these studies ("all", or ids with commas between them).

    Raises UsageError for an unknown study and for one of whose rows PEtab can say none.
    """
    everything = targets()
    by_study: dict[str, list[Target]] = {}
    for row in everything:
        by_study.setdefault(study_of(row), []).append(row)
    asked = [w.strip() for w in words.replace(";", ",").split(",") if w.strip()]
    chosen = list(by_study) if asked in ([], [EVERYTHING]) else asked
    for name in chosen:
        if name not in by_study:
            raise unknown_name("study of plasma levels", name, by_study, where="export --to petab", fix=EVERYTHING)
    wanted = [row for name in chosen for row in by_study[name]]
    rows = tuple(row for row in wanted if _can(row))
    left_out: dict[str, int] = {}
    for row in wanted:
        if not _can(row):
            what = (
                "shown, not fitted" if row.error <= 0 else f"ratio of {row.statistic}" if row.against else row.statistic
            )
            left_out[what] = left_out.get(what, 0) + 1
    if not rows:
        able = sorted({study_of(row) for row in everything if _can(row)})
        raise UsageError(
            f"of {', '.join(chosen)} no row is a level at a time, the only kind that PEtab can say",
            where="export --to petab",
            allowed=", ".join(able),
            fix=EVERYTHING,
        )
    parts = tuple(sorted({part for row in rows for part in arm(row.arm).parts}))
    composition = compose(parts, stages=[STAGE])
    needed = {name for row in rows for share in _shares(arm(row.arm).events) for name in share.needs}
    fitted = tuple(p for p in priors() if p.name in composition.parameters or p.name in needed)
    return Problem(tuple(dict.fromkeys(study_of(row) for row in rows)), rows, left_out, composition, fitted)


def _can(row: Target) -> bool:
    return row.statistic == "at" and not row.against and row.error > 0


def lost(made: Problem) -> list[str]:
    """What PEtab loses of these studies."""
    logit = sum(p.transform == "logit" for p in made.fitted)
    missing = ", ".join(f"{count} of {what}" for what, count in made.left_out.items())
    return [
        f"studies: {', '.join(made.studies)}; {len(made.rows)} levels at a time",
        *([f"rows that PEtab cannot say: {missing}"] if missing else []),
        "scores of mood, side effects and shares of people: they depend on setting and on the spread between people, which PEtab has not",
        "the plasma stage alone; units are in the SBML, the tables have none",
        *(
            [f"the priors of {logit} shares are normal on the logit scale, which PEtab has not: uniform between bounds"]
            if logit
            else []
        ),
        "doses are periods of experiments: a condition at each boundary sets inputs and adds deposits",
        "no simulator of PEtab 2 was at hand for a fit: petab's own checks pass, the likelihood was recomputed with libroadrunner",
    ]


def prepared_petab(words: str, target: Format) -> Export:
    """The files of the problem: FILE.yaml and, beside it, FILE_model.xml and five tables."""
    made = problem(words)
    files = {
        "model.xml": _model(made),
        "parameters.tsv": _parameters(made),
        "observables.tsv": _observables(made),
        "measurements.tsv": _measurements(made),
        **_experiments(made),
    }
    return Export(target, tuple(lost(made)), b"", {name: text.encode() for name, text in files.items()}, _yaml)


def _yaml(stem: str) -> bytes:
    """The problem file, when the name of the files is known."""
    lines = [
        f"# Ketasim {__version__}. {NOTICE}",
        f"format_version: {VERSION}",
        "model_files:",
        "  ketasim:",
        f"    location: {stem}_model.xml",
        "    language: sbml",
    ]
    for kind in ("parameter", "observable", "measurement", "condition", "experiment"):
        lines += [f"{kind}_files:", f"- {stem}_{kind}s.tsv"]
    return ("\n".join(lines) + "\n").encode()


def _model(made: Problem) -> str:
    """The SBML, with the inputs as parameters that change."""
    libsbml: Any = importlib.import_module("libsbml")
    document = libsbml.readSBMLFromString(to_sbml(made.composition))
    for name in made.composition.inputs:
        document.getModel().getParameter(name).setConstant(False)
    return str(libsbml.writeSBMLToString(document))


def _parameters(made: Problem) -> str:
    known = values("plasma")
    rows = []
    for prior in made.fitted:
        nominal = known[prior.name].value
        centre = prior.inward(prior.typical)
        low, high = (_outward(prior, centre + sign * WIDE * prior.sd) for sign in (-1.0, 1.0))
        low, high = min(low, nominal), max(high, nominal)
        said = ("log-normal", f"{math.log(prior.typical)!r};{prior.sd!r}") if prior.transform == "log" else ("", "")
        rows.append([prior.name, repr(low), repr(high), repr(nominal), "true", *said])
    free = {prior.name for prior in made.fitted}
    needed = {n for row in made.rows for share in _shares(arm(row.arm).events) for n in share.needs}
    for name in sorted(needed - free - set(made.composition.parameters)):
        rows.append([name, "", "", repr(routing_values()[name].value), "false", "", ""])
    head = [
        "parameterId",
        "lowerBound",
        "upperBound",
        "nominalValue",
        "estimate",
        "priorDistribution",
        "priorParameters",
    ]
    return _tsv(head, rows)


def _outward(prior: Prior, x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if prior.transform == "logit" else math.exp(x)


def _observables(made: Problem) -> str:
    rows = []
    for name in dict.fromkeys(row.output for row in made.rows):
        ports, mass = OUTPUTS[name]
        there = [port for port in ports if port in made.composition.outputs]
        formula = f"({' + '.join(there)}) * {molar_mass(mass)!r}"
        place = f"noiseParameter1_level_{name}"
        rows.append([f"level_{name}", formula, place, place, "log-normal"])
    return _tsv(["observableId", "observableFormula", "noiseFormula", "noisePlaceholders", "noiseDistribution"], rows)


def _measurements(made: Problem) -> str:
    rows = [
        [f"level_{row.output}", f"arm_{row.arm}", repr(row.time), repr(row.value), repr(row.error), row.record]
        for row in made.rows
    ]
    return _tsv(["observableId", "experimentId", "time", "measurement", "noiseParameters", "datasetId"], rows)


def _experiments(made: Problem) -> dict[str, str]:
    conditions: list[list[str]] = []
    experiments: list[list[str]] = []
    for name in dict.fromkeys(row.arm for row in made.rows):
        for at, (time, moves) in enumerate(_periods(arm(name).events)):
            condition = f"arm_{name}_{at}" if moves else ""
            experiments.append([f"arm_{name}", repr(time), condition])
            conditions += [[condition, variable, formula] for variable, formula in moves.items()]
    return {
        "conditions.tsv": _tsv(["conditionId", "targetId", "targetValue"], conditions),
        "experiments.tsv": _tsv(["experimentId", "time", "conditionId"], experiments),
    }


def _periods(events: Sequence[Given]) -> list[tuple[float, dict[str, str]]]:
    """(time, variable -> formula) at every boundary, the first at or before t = 0."""
    windows: list[tuple[float, float, str, str]] = []
    deposits: list[tuple[float, str, str]] = []
    for event in events:
        amount = float(_number(event.amount))
        for window in event.administration.windows:
            begin = event.time_h + window.start
            rate = f"{amount / window.duration!r} * ({window.share.text})"
            windows.append((begin, begin + window.duration, window.input, rate))
        for deposit in event.administration.deposits:
            deposits.append((event.time_h + deposit.at, deposit.state, f"{amount!r} * ({deposit.share.text})"))
    times = sorted({0.0, *(t for w in windows for t in w[:2]), *(d[0] for d in deposits)})
    times = [t for i, t in enumerate(times) if i == 0 or t - times[i - 1] > SAME_H]
    found: list[tuple[float, dict[str, str]]] = []
    before: dict[str, str] = {}
    for time in times:
        now: dict[str, str] = {}
        for begin, end, name, rate in windows:
            if begin < time + SAME_H and time + SAME_H < end:
                now[name] = f"{now[name]} + {rate}" if name in now else rate
        moves = {n: now.get(n, "0") for n in {**before, **now} if now.get(n) != before.get(n)}
        for at, state, amount_text in deposits:
            if abs(at - time) <= SAME_H:
                first = moves.get(
                    state, "" if not found else state
                )  # in the first period a state has its start value, 0
                moves[state] = f"{first} + {amount_text}" if first else amount_text
        if moves or not found:
            found.append((time, moves))
        before = now
    return found


def _shares(events: Sequence[Given]) -> list[Share]:
    ways = [event.administration for event in events]
    return [w.share for way in ways for w in way.windows] + [d.share for way in ways for d in way.deposits]


def _number(amount: Any) -> float:
    return float(amount) if not hasattr(amount, "ravel") else float(amount.ravel()[0])


def _tsv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("\t".join(row) for row in (head, *rows)) + "\n"
