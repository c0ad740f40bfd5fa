"""A design file (TOML) to a `Design`; every problem of the file is listed at once, with its line."""

from __future__ import annotations

import math
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

from ketasim.chain.hypothesis import hypotheses
from ketasim.core import FrozenMapping, KetasimError, Problem, UsageError, nearest
from ketasim.core.textfile import read_text
from ketasim.people.occasions import USUAL, WHICH
from ketasim.people.table_one import table_problems
from ketasim.ratings.add_ons import KINDS as ADD_ONS
from ketasim.ratings.add_ons import LONGEST_H, AddOn
from ketasim.ratings.scales import SCALES
from ketasim.ratings.setting import SETTINGS

from .design import KINDS, Design, Dropout, TrialArm, words_of
from .fields import Fields
from .lines import Lines
from .plan import STRATA
from .read_analysis import read_analysis, read_endpoint
from .rules import ALWAYS, EXTRA, STOP, Rule, condition

MOST_VISITS, MOST_ARMS, MOST_PEOPLE, MOST_SITES, MOST_RULES = 40, 12, 20_000, 500, 20
EXAMPLE = 'words = "ketamine iv 0.5 mg/kg over 40 min"'


def read_design(path: str | Path) -> Design:
    """The design in a file. Raises UsageError that lists every problem with file and line."""
    place = Path(path)
    return design_from_text(read_text(place), place.name, place.stem)


def design_from_text(text: str, name: str = "design.toml", identity: str = "design") -> Design:
    """The design in a TOML text. name : of the file, for messages."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"not valid TOML: {error}", where=name, fix="see the example: ketasim trial --list") from error
    problems: list[Problem] = []
    design = _design(Fields(table, (), Lines(text, name), problems), identity)
    if problems:
        count = len(problems)
        problems.sort(key=lambda problem: int(problem.where.rpartition(":")[2]))
        raise UsageError(
            f"{count} problem{'s' if count > 1 else ''} in the design",
            where="\n".join(str(problem) for problem in problems),
        )
    assert design is not None
    return design


def _design(top: Fields, identity: str) -> Design | None:
    title = top.text("title", identity)
    kind = top.text("design", "parallel", KINDS)
    scale = top.text("scale", "MADRS", SCALES)
    where = top.text("setting", "", SETTINGS)
    arms = _arms(top)
    comparator = _comparator(top, arms)
    visits = _visits(top)
    measured = top.texts("measured", EXTRA)
    endpoint = read_endpoint(top, visits, scale, [a.name for a in arms], comparator)
    analysis = read_analysis(top, endpoint.measure, [a.name for a in arms], comparator)
    sites, site_sd = _sites(top)
    block, strata = _randomisation(top, arms)
    per_month, duration = _accrual(top)
    people = _people(top, scale)
    rules = _rules(top, visits, measured, [a.name for a in arms])
    dropout = _dropout(top)
    stable, from_h = _withdrawal(top, kind, visits)
    period = _crossover(top, kind, visits)
    design = Design(
        id=identity,
        title=title,
        kind=kind,
        setting=where or _setting_of(arms),
        scale=scale,
        arms=arms,
        comparator=comparator,
        visits_h=visits,
        endpoint=endpoint,
        analysis=analysis,
        dropout=dropout,
        n=top.whole("n", 120, 2, MOST_PEOPLE),
        study=top.text("study"),
        missing=top.number("missing", 0.0, 0.0, 1.0),
        sites=sites,
        site_sd=site_sd,
        block=block,
        strata=strata,
        per_month=per_month,
        duration_months=duration,
        masked=top.flag("masked", False),
        study_effects=top.flag("study_effects", True),
        small_study=top.flag("small_study", False),
        hypotheses=top.texts("hypotheses", hypotheses()),
        people=FrozenMapping(people),
        rules=rules,
        measured=measured,
        from_h=from_h,
        period_h=period,
        stable=stable,
        assumptions=top.texts("assumptions"),
        where=top.lines.name,
        occasions=top.text("occasions", USUAL, WHICH),
    )
    top.leftovers()
    _together(top, design)
    return design


def _arms(top: Fields) -> tuple[TrialArm, ...]:
    tables = top.table_at("arms")
    found: list[TrialArm] = []
    if tables is None or not tables.table:
        top.note("arms", "the design has no arms", f"[arms.ketamine]\n{EXAMPLE}")
        return ()
    if len(tables.table) > MOST_ARMS:
        tables.note("", f"{len(tables.table)} arms; allowed: 1 to {MOST_ARMS}")
    for name in list(tables.table)[:MOST_ARMS]:
        entry = tables.table_at(name)
        assert entry is not None
        words = entry.text("words")
        arm = TrialArm(
            name,
            words,
            entry.text("repeat"),
            entry.texts("with"),
            entry.number("ratio", 1.0, 0.0, 1000.0),
            tuple(_add_on(one) for one in entry.tables("add_on")),
        )
        if not words:
            entry.note("words", f"the arm '{name}' has no doses", EXAMPLE)
        else:
            _read_doses(entry, arm)
        if arm.ratio <= 0:
            entry.note("ratio", f"the arm '{name}' is given to nobody: ratio 0", "ratio = 1")
        entry.leftovers()
        found.append(arm)
    return tuple(found)


def _read_doses(entry: Fields, arm: TrialArm) -> None:
    try:
        arm.regimen()
        _ = arm.add_ons
    except KetasimError as error:
        entry.note("words", f"{error.what} ({arm.words})", error.fix)


def _add_on(entry: Fields) -> AddOn:
    """An add-on treatment; what it does is not known well, so mean and sd of its drive have to be said."""
    kind = entry.text("kind", ADD_ONS[0], ADD_ONS)
    for key in ("mean", "sd"):
        if key not in entry.table:
            entry.note(
                "", f"the add-on says no {key} of its effect (drive L; ln 2 = 0.69 halves a score)", f"{key} = 0.1"
            )
    found = AddOn(
        kind,
        entry.hour("from", 0.0),
        entry.hour("to", LONGEST_H),
        entry.hour("onset", 7 * 24.0),
        entry.number("mean", 0.0, -5.0, 5.0),
        entry.number("sd", 0.0, 0.0, 5.0),
        entry.number("synergy_mean", 0.0, -5.0, 5.0),
        entry.number("synergy_sd", 0.0, 0.0, 5.0),
    )
    if found.to_h <= found.from_h:
        entry.note("to", "the add-on ends before it begins", 'from = "1 d"\nto = "28 d"')
    if found.onset_h <= 0:
        entry.note("onset", "the onset is a time above 0", 'onset = "7 d"')
    entry.leftovers()
    return found


def _setting_of(arms: tuple[TrialArm, ...]) -> str:
    return "nasal-placebo" if any(" nasal" in arm.words for arm in arms) else "saline"


def _is_placebo(arm: TrialArm) -> bool:
    try:
        dose = arm.regimen().main.blocks[0].dose
    except KetasimError:
        return False
    return dose.entry.role == "placebo" or dose.drug == "midazolam"


def _comparator(top: Fields, arms: tuple[TrialArm, ...]) -> str:
    names = [arm.name for arm in arms]
    named = top.text("comparator", "", names) if names else ""
    return named or next((arm.name for arm in arms if _is_placebo(arm)), names[-1] if names else "")


def _visits(top: Fields) -> tuple[float, ...]:
    found = top.hours("visits")
    if not found:
        if "visits" not in top.table:
            top.note("visits", "the design has no visits", 'visits = ["24 h", "7 d", "28 d"]')
        return (24.0,)
    wrong = [b for a, b in pairwise(found) if b <= a]
    ordered = tuple(sorted(set(found)))
    if wrong:
        written = ", ".join(f'"{t / 24:g} d"' for t in ordered)
        top.note(
            "visits",
            f"visits out of order: {words_of(wrong[0])} does not come after the visit before it",
            f"visits = [{written}]",
        )
    if ordered[0] <= 0:
        top.note("visits", "a visit is after the first dose; the baseline is read before it", 'visits = ["24 h"]')
    if ordered[-1] > LONGEST_H:
        top.note("visits", f"the last visit is beyond {LONGEST_H / 24:g} days", 'visits = ["28 d"]')
    if len(ordered) > MOST_VISITS:
        top.note("visits", f"{len(ordered)} visits; allowed: 1 to {MOST_VISITS}")
    return ordered if ordered[0] > 0 else (24.0,)


def _sites(top: Fields) -> tuple[int, float]:
    entry = top.table_at("sites")
    if entry is None:
        return 1, 0.0
    found = entry.whole("count", 1, 1, MOST_SITES), entry.number("sd", 0.0, 0.0, 2.0)
    entry.leftovers()
    return found


def _randomisation(top: Fields, arms: tuple[TrialArm, ...]) -> tuple[int, tuple[str, ...]]:
    entry = top.table_at("randomisation")
    if entry is None:
        return 0, ()
    block, strata = entry.whole("block", 0, 0, 100), entry.texts("strata", STRATA)
    fractional = [arm for arm in arms if not arm.ratio.is_integer()]
    if fractional and (strata or block):
        arm = fractional[0]
        top.problems.append(
            Problem(
                top.lines.place(("arms", arm.name, "ratio")),
                f"a ratio of {arm.ratio:g} cannot fill whole blocks, which strata and blocks need",
                f"ratio = {max(round(arm.ratio), 1)}   # or leave out block and strata",
            )
        )
    elif block and arms:
        total = round(sum(arm.ratio for arm in arms))
        if total and block % total:
            entry.note(
                "block", f"a block of {block} cannot hold the ratio: {total} or a multiple", f"block = {total * 2}"
            )
    entry.leftovers()
    return block, strata


def _accrual(top: Fields) -> tuple[float | None, float | None]:
    entry = top.table_at("accrual")
    duration = top.number("duration_months", 1.0, 0.0, 600.0) if top.has("duration_months") else None
    per_month = None
    if entry is not None:
        per_month = entry.number("per_month", 0.0, 0.0, 100_000.0)
        if per_month <= 0:
            entry.note("per_month", "people per month, above 0", "per_month = 10")
            per_month = None
        entry.leftovers()
    if duration is not None and per_month is None:
        top.note("duration_months", "a duration without accrual: how many join per month?", "[accrual]\nper_month = 10")
    return per_month, duration


def _dropout(top: Fields) -> Dropout:
    entry = top.table_at("dropout")
    if entry is None:
        return Dropout()
    found = Dropout(
        entry.number("per_week", 0.0, 0.0, 10.0, "a hazard per week"),
        entry.number("score", 0.0, -5.0, 5.0),
        entry.number("score_now", 0.0, -5.0, 5.0),
        entry.number("dissociation", 0.0, -5.0, 5.0),
        entry.number("time", 0.0, -5.0, 5.0),
        entry.text("basis", "assumed"),
    )
    entry.leftovers()
    return found


def _people(top: Fields, scale: str) -> dict[str, Any]:
    entry = top.table_at("people")
    if entry is None:
        return {}
    for problem in table_problems(entry.table, scale):
        top.problems.append(Problem(top.lines.place(("people", *problem.where.split("."))), problem.what, problem.fix))
    return dict(entry.table)


def _rules(top: Fields, visits: tuple[float, ...], measured: tuple[str, ...], arms: list[str]) -> tuple[Rule, ...]:
    found = []
    entries = top.tables("rules")
    if len(entries) > MOST_RULES:
        top.note("rules", f"{len(entries)} rules; allowed: up to {MOST_RULES}")
    for entry in entries[:MOST_RULES]:
        times = entry.hours("at")
        for time in times:
            if all(abs(time - visit) > 1e-6 for visit in visits):
                entry.note("at", f"a rule at {words_of(time)}, where no visit is", "at = one of the visits")
        if not times:
            entry.note("at", "the rule names no visit", 'at = ["7 d"]')
        read = condition(entry.text("when"))
        if read is None:
            entry.note("when", "the rule has no condition that can be read", 'when = "change_percent > -50"')
            read = ("score", ">", 0.0)
        known = (*ALWAYS, *measured)
        if read[0] not in known:
            near = nearest(read[0], known)
            entry.note(
                "when",
                f"the rule asks for '{read[0]}', which is not measured; measured: {', '.join(known)}",
                f'measured = ["{read[0]}"]' if read[0] in EXTRA else (near or known)[0],
            )
        then, add = entry.text("then"), entry.text("add")
        if not then and not add:
            entry.note("then", "the rule does nothing", 'then = "stop"')
        rule = Rule(times, *read, then, add, entry.texts("arms", arms))
        _rule_words(entry, rule)
        entry.leftovers()
        found.append(rule)
    return tuple(found)


def _rule_words(entry: Fields, rule: Rule) -> None:
    for key, words in (("then", rule.then), ("add", rule.add)):
        if words and words != STOP:
            try:
                TrialArm("", words).regimen()
            except KetasimError as error:
                entry.note(key, f"{error.what} ({words})", error.fix)


def _withdrawal(top: Fields, kind: str, visits: tuple[float, ...]) -> tuple[str, float]:
    entry = top.table_at("withdrawal")
    if entry is None:
        if kind == "withdrawal":
            top.note(
                "design",
                "a withdrawal design says who is randomised and when",
                '[withdrawal]\nat = "16 d"\nstable = "change_percent <= -50"',
            )
        return "", 0.0
    stable, at = entry.text("stable"), entry.hour("at", visits[0])
    if condition(stable) is None or condition(stable or "")[0] not in ALWAYS:  # type: ignore[index]
        entry.note("stable", "who is stable is said by what is measured", 'stable = "change_percent <= -50"')
    if at not in visits or at == visits[-1]:
        entry.note("at", "people are randomised at a visit before the last", f'at = "{visits[0] / 24:g} d"')
    entry.leftovers()
    return stable, at


def _crossover(top: Fields, kind: str, visits: tuple[float, ...]) -> float:
    """Start of the second period, h."""
    entry = top.table_at("crossover")
    if entry is None:
        if kind == "crossover":
            top.note("design", "a crossover says when the second period begins", '[crossover]\nperiod = "14 d"')
        return visits[-1] + 24.0
    period = entry.hour("period", visits[-1] + 24.0)
    if period <= visits[-1]:
        entry.note(
            "period",
            "the second period begins after the last visit of the first",
            f'period = "{visits[-1] / 24 + 7:g} d"',
        )
        period = visits[-1] + 24.0
    entry.leftovers()
    return period


def _together(top: Fields, design: Design) -> None:
    """What only shows when everything is read."""
    if design.kind == "crossover" and len(design.arms) != 2:
        top.note("design", f"a crossover compares two treatments, not {len(design.arms)}", 'design = "parallel"')
    if design.kind == "crossover" and design.endpoint.measure != "change":
        top.note("endpoint", "a crossover is analysed by change", 'measure = "change"')
    if design.kind == "crossover" and design.analysis.strata:
        top.note("analysis", "a crossover is compared within persons, not within strata", "leave out strata")
    if design.rules and (design.site_sd or design.endpoint.measure in ("ideation", "ideation_remission")):
        top.note("rules", "visit rules are for a score without site effects", "[sites]\nsd = 0.0")
    if design.endpoint.measure == "relapse" and design.kind != "withdrawal":
        top.note(
            "endpoint",
            "a relapse is counted from the time at which stable people are randomised",
            'design = "withdrawal"',
        )
    if design.kind == "crossover" and design.analysis.reestimation:
        top.note("reestimation", "a size is re-estimated in parallel designs", "leave out [reestimation]")
    if design.endpoint.measure == "relapse":
        if design.endpoint.at_h <= design.from_h:
            top.note("endpoint", "relapses are counted up to a visit after the randomisation", 'at = "28 d"')
        elif design.analysis.horizon_h > design.endpoint.at_h - design.from_h + 1e-6:
            top.note(
                "analysis",
                "the horizon is beyond the endpoint's visit",
                f'horizon = "{(design.endpoint.at_h - design.from_h) / 24:g} d"',
            )
    if design.rules and design.kind in ("crossover", "withdrawal"):
        top.note("rules", f"visit rules are for parallel and escalating designs, not for {design.kind}")
    if len(design.arms) >= 1 and design.n < 2 * len(design.arms):
        top.note("n", f"{design.n} people are too few for {len(design.arms)} arms", f"n = {20 * len(design.arms)}")
    if design.per_month and design.duration_months is not None:
        within = design.per_month * max(design.duration_months - design.end_h / 24 / 30.44, 0.0)
        if within < design.n and math.isfinite(within):
            top.note(
                "duration_months",
                f"{design.n} people at {design.per_month:g} a month and {design.end_h / 24:g} days of follow-up take longer than {design.duration_months:g} months",
                f"duration_months = {math.ceil(design.n / design.per_month + design.end_h / 24 / 30.44)}",
            )
