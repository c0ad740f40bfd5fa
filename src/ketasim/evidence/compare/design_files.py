"""Design files of the published trials: written from their study folders, so that a trial is described once.

`python -m ketasim.evidence.compare.design_files` writes `knowledge/designs`; a test compares what is there with what would be written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ketasim.core import knowledge_path
from ketasim.ratings.scales import SCALES

from ..published.studies import Row, Study, studies

HUMAN = (
    "single IV",
    "dose response",
    "repeated IV",
    "nasal",
    "crisis",
    "co-medication",
    "maintenance",
    "other route",
    "ideation",
)
TRIALS = ("parallel", "crossover", "sequential", "withdrawal", "single_arm")
MOST_VISITS = 12
SMALL = 60  # below so many people a covariance of many visits cannot be estimated: one visit, ANCOVA


@dataclass(frozen=True, slots=True)
class Published:
    """What a trial published about one comparison at a time. measure : change | response | remission (arm minus comparator), of a crossover also
    ratio (of mean changes) | again (share of the comparator's responders who respond); rows used."""

    measure: str
    at_h: float
    arm: str
    versus: str
    value: float
    scale: str
    rows: tuple[Row, ...]


def published(study: Study) -> Published | None:
    """The comparison of a trial that can be replayed: a published difference of means, else two means, else two shares, at the last such time."""
    mood = [
        r for r in study.rows if r.endpoint == "madrs" and not r.is_sign and not r.among and "+" not in r.arm + r.versus
    ]
    said = {k for k, a in study.arms.items() if a.words and not a.no_words}
    plain = [r for r in mood if r.time_h > 0 and math.isfinite(r.time_h) and {*r.arm_keys, *r.versus_keys} <= said]
    found: list[Published] = []
    for r in plain:
        if r.statistic == "difference" and r.unit == "points" and r.versus:
            found.append(Published("change", r.time_h, r.arm, r.versus, r.value, r.scale, (r,)))
    if found:
        return max(found, key=lambda p: p.at_h)
    if study.design == "crossover":
        for r in plain:
            if r.statistic in ("ratio", "response_again") and r.versus:
                measure = "again" if r.statistic == "response_again" else "ratio"
                return Published(measure, r.time_h, r.arm, r.versus, r.value, r.scale, (r,))
    for statistic, measure in (("change_mean", "change"), ("response", "response"), ("remission", "remission")):
        rows = [r for r in plain if r.statistic == statistic and not r.versus and not r.cut]
        for one in rows:
            for other in rows:
                if (
                    one.time_h == other.time_h
                    and one.scale == other.scale
                    and _is_control(study, other.arm)
                    and not _is_control(study, one.arm)
                ):
                    found.append(
                        Published(
                            measure, one.time_h, one.arm, other.arm, one.value - other.value, one.scale, (one, other)
                        )
                    )
        if found:
            return max(found, key=lambda p: p.at_h)
    return None


def _is_control(study: Study, key: str) -> bool:
    return study.arms[key].words.startswith(("placebo", "midazolam"))


def is_trial(study: Study) -> bool:
    """A clinical trial of mood in people, with doses that can be said in words."""
    arms = [a for a in study.arms.values() if a.words and not a.no_words]
    return (
        study.group in HUMAN
        and study.design in TRIALS
        and not study.pooled
        and bool(arms)
        and any(r.endpoint in ("madrs", "ideation", "relapse") and r.time_h > 0 for r in study.rows)
    )


def not_written(study: Study) -> str:
    """Why a trial has no design file; empty if it has one."""
    if study.design == "withdrawal":
        return "the time of randomisation differs between people"
    scale = _scale(study)
    if scale not in SCALES:
        return f"no crosswalk for {scale}"
    if study.design == "crossover":
        return "" if len([a for a in study.arms.values() if a.words]) >= 2 else "one arm in words"
    return ""


def _scale(study: Study) -> str:
    found = published(study)
    scale = (found.scale if found else "") or str(study.baseline.get("scale", "MADRS"))
    return scale or "MADRS"


def _text(item: object) -> str:
    return json.dumps(item, ensure_ascii=False)


def _time(hours: float) -> str:
    return f"{hours / 24:g} d" if hours % 24 == 0 and hours >= 48 else f"{hours:g} h"


def is_crossed(study: Study, found: Published | None) -> bool:
    """Whether both periods are in the design file: two treatments in words, one comparison of change."""
    said = [a for a in study.arms.values() if a.words and not a.no_words]
    return (
        study.design == "crossover"
        and len(said) == 2
        and found is not None
        and found.measure in ("change", "ratio", "again")
    )


def design_text(study: Study) -> str:
    """The design file of a trial."""
    found, scale = published(study), _scale(study)
    arms = {k: a for k, a in study.arms.items() if a.words and not a.no_words}
    if found:
        arms = {k: a for k, a in arms.items() if k in (found.arm, found.versus) or _visits(study, k)}
    visits = sorted({t for k in arms for t in _visits(study, k)} | ({found.at_h} if found else set()))
    if len(visits) > MOST_VISITS:
        visits = [
            t
            for i, t in enumerate(visits)
            if i % math.ceil(len(visits) / MOST_VISITS) == 0 or (found and t == found.at_h)
        ]
    if found:
        visits = [t for t in visits if t <= found.at_h] or visits
    visits = visits or [24.0]
    known = [a.n for a in arms.values() if a.n > 0]
    crossed = is_crossed(study, found)
    n = round(sum(known)) if len(known) == len(arms) and study.design != "crossover" else round(study.n)
    first = arms[found.versus] if found else next(iter(arms.values()))
    lines = [
        f"# From the study folder {study.id} ({study.citation}); written by ketasim.evidence.compare.design_files.",
        f"title = {_text(_title(study, arms))}",
        f"study = {_text(study.id)}",
        _kind(study, crossed),
        f"setting = {_text(first.setting)}",
        f"scale = {_text(scale)}",
        f"n = {max(n, 2 * len(arms))}",
        f"visits = {_text([_time(t) for t in visits])}",
    ]
    if found:
        lines.append(f"comparator = {_text(found.versus)}")
    if any(a.masked for a in arms.values()):
        lines.append("masked = true")
    if crossed:
        period = max(14.0, math.ceil(visits[-1] / 24.0) + 7.0)
        lines += [
            f'assumptions = ["The second period begins on day {period:g}: the study folder does not say when."]',
            "",
            "[crossover]",
            f'period = "{period:g} d"',
        ]
    for key, arm in arms.items():
        lines += ["", f"[arms.{key}]", f"words = {_text(arm.words)}"]
        if arm.repeat:
            lines.append(f"repeat = {_text(arm.repeat)}")
        if arm.with_:
            lines.append(f"with = {_text(list(arm.with_))}")
        if not crossed and arm.n > 0 and len(known) == len(arms) and len(set(known)) > 1:
            lines.append(f"ratio = {arm.n:g}.0")
    lines += _people(study, first.baseline, first.baseline_sd, first.baseline_scale, scale)
    if found:
        lines += [
            "",
            "[endpoint]",
            f'measure = "{"change" if crossed else found.measure}"',
            f"at = {_text(_time(found.at_h))}",
            f"arm = {_text(found.arm)}",
        ]
        cut = study.cuts.get("remission")
        if found.measure == "remission" and isinstance(cut, int | float):
            lines.append(f"cut = {cut:g}")
        if found.measure == "change" and not crossed:
            few = n < SMALL or len(visits) > 6
            lines += ["", "[analysis]", f'method = "{"ancova" if few else "mmrm"}"']
    lines += _dropout(arms, visits[-1])
    return "\n".join(lines) + "\n"


def _kind(study: Study, crossed: bool) -> str:
    if crossed:
        return 'design = "crossover"'
    return 'design = "parallel"' + (
        "   # one period: the first doses alone" if study.design in ("crossover", "sequential") else ""
    )


def _title(study: Study, arms: Mapping[str, object]) -> str:
    words = study.population if len(study.population) < 70 else study.population[:67] + "..."
    return f"{study.id}: {' against '.join(arms) if len(arms) == 2 else ', '.join(arms)}; {words}"


def _visits(study: Study, key: str) -> list[float]:
    return [
        r.time_h
        for r in study.rows
        if r.endpoint == "madrs" and r.time_h > 0 and math.isfinite(r.time_h) and key in (*r.arm_keys, *r.versus_keys)
    ]


def _people(study: Study, mean: float, sd: float, own_scale: str, scale: str) -> list[str]:
    lines = []
    table = study.baseline
    stated = str(own_scale or table.get("scale", "MADRS"))
    middle = mean if mean > 0 else float(table.get("mean", math.nan))
    spread = sd if sd > 0 else float(table.get("sd", math.nan))
    if stated == scale and middle > 0 and spread > 0:
        lines.append(f"baseline = {{ mean = {middle:g}, sd = {spread:g} }}")
    if study.age > 0 and study.age_sd > 0:
        lines.append(f"age = {{ mean = {study.age:g}, sd = {study.age_sd:g}, min = 18, max = 90 }}")
    if 0 <= study.percent_women <= 100:
        lines.append(f"women = {{ share = {study.percent_women / 100:.4g} }}")
    return ["", "[people]", *lines] if lines else []


def _dropout(arms: Mapping[str, object], end_h: float) -> list[str]:
    """The mean hazard that the published numbers of those who left amount to; nothing where none are stated."""
    rates = []
    for arm in arms.values():
        for entry in getattr(arm, "dropout", ()):
            n = float(getattr(arm, "n", math.nan))
            share = float(entry.get("share", entry.get("n", math.nan) / n if n > 0 else math.nan))
            by = float(entry.get("by_h", math.nan))
            if 0 < share < 1 and by > 0:
                rates.append(-math.log1p(-share) / (by / 168.0))
    if not rates:
        return []
    rate = sum(rates) / len(rates)
    return [
        "",
        "[dropout]",
        f"per_week = {rate:.4g}",
        'basis = "published numbers of those who left, spread evenly over time and arms"',
    ]


def folder() -> Path:
    """Where design files ship."""
    return knowledge_path() / "designs"


def files() -> dict[str, str]:
    """Name of every design file that is written from a study -> its text."""
    return {f"{s.id}.toml": design_text(s) for s in studies().values() if is_trial(s) and not not_written(s)}


def main() -> None:
    """Write them."""
    folder().mkdir(exist_ok=True)
    for name, text in files().items():
        (folder() / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
