"""The published trials of the library simulated as they were done: every published mean, share and difference beside its simulated distribution.

One design is one piece of work with a file of its own, so that a replay that was stopped goes on with what is there.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.core import UsageError
from ketasim.core.arrays import Array
from ketasim.core.numbers import whole
from ketasim.core.records import NOTICE
from ketasim.ratings.scales import remission_cut
from ketasim.scenario.result import plain
from ketasim.trial.design import Design, Endpoint
from ketasim.trial.library import find_design, library
from ketasim.trial.methods import achieved, analyse, crossover_changes, crossover_outcomes
from ketasim.trial.plan import OF_SCORES, Analysis
from ketasim.trial.replicate import Replicates
from ketasim.trial.simulate import Trial

from ..arms.context import BLINDED
from ..published.studies import studies
from ..published.study import Row, Study
from .design_files import SMALL, Published, published
from .replay import CROSSED, place_of

SIMS, WORLDS, PEOPLE = 192, 24, 64
LEVELS = (50, 80, 95)
BINS = 10
SHARE_STATISTICS = ("response", "remission")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One published number beside its simulation. kind : difference (arm against versus) or arm (versus empty). measure : change | response |
    remission | ratio | again. simulated : mean, 5th and 95th percentile over trials of the published size. pit : share of them below the published
    number, half of the ties. by_hypothesis : pit under each. role : whether the study was used to fit. n : randomised in the design.
    """

    design: str
    study: str
    kind: str
    measure: str
    arm: str
    versus: str
    day: float
    scale: str
    n: int
    role: str
    published: float
    mean: float
    low: float
    high: float
    pit: float
    by_hypothesis: Mapping[str, float]
    records: tuple[str, ...]
    replicates: int

    def within(self, level: int) -> bool:
        """Whether it lies in the central `level` % of simulated trials."""
        return abs(self.pit - 0.5) <= level / 200.0


@dataclass(frozen=True, repr=False)
class Replays:
    """Every row, designs without one (with the reason), and how it was simulated."""

    rows: tuple[Replayed, ...]
    without: Mapping[str, str]
    sims: int
    worlds: int
    people: int
    seed: int

    def coverage(self, rows: Sequence[Replayed] | None = None) -> dict[str, Any]:
        """Share of rows in the central 50, 80, 95 %, by row and by study (mean over the rows of each study), with the standard error over studies."""
        chosen = self.rows if rows is None else tuple(rows)
        names = sorted({row.study for row in chosen})
        found: dict[str, Any] = {"rows": len(chosen), "studies": len(names)}
        for level in LEVELS:
            each = [np.mean([row.within(level) for row in chosen if row.study == name]) for name in names]
            error = float(np.std(each, ddof=1) / math.sqrt(len(each))) if len(each) > 1 else math.nan
            found[str(level)] = {
                "by_row": float(np.mean([row.within(level) for row in chosen])) if chosen else math.nan,
                "by_study": float(np.mean(each)) if each else math.nan,
                "se_over_studies": error,
            }
        return found

    def histogram(self, rows: Sequence[Replayed] | None = None) -> list[int]:
        """How many pit lie in each tenth; flat if the simulation is right."""
        pit = [row.pit for row in (self.rows if rows is None else rows)]
        return [int(x) for x in np.histogram(pit, bins=BINS, range=(0.0, 1.0))[0]]

    def groups(self) -> dict[str, tuple[Replayed, ...]]:
        """All rows, differences between arms, single arms, and the differences of studies that no fit has used."""
        differences = tuple(row for row in self.rows if row.kind == "difference")
        return {
            "all": self.rows,
            "differences": differences,
            "arms": tuple(row for row in self.rows if row.kind == "arm"),
            "differences not fitted": tuple(row for row in differences if row.role != "fit"),
        }

    def to_dict(self) -> dict[str, Any]:
        """The object that `trial --replay --json` prints."""
        found = plain(
            {
                "version": __version__,
                "seed": self.seed,
                "sims": self.sims,
                "worlds": self.worlds,
                "people": self.people,
                "rows": [asdict(row) | {"covered": {str(q): row.within(q) for q in LEVELS}} for row in self.rows],
                "summary": {
                    name: {"coverage": self.coverage(rows), "pit_histogram": self.histogram(rows)}
                    for name, rows in self.groups().items()
                },
                "without": dict(self.without),
                "notice": NOTICE,
            }
        )
        assert isinstance(found, dict)
        return found

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as text; missing numbers are null."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"<Replays: {len(self.rows)} published numbers of {len({r.study for r in self.rows})} studies>"


def replays(
    names: Sequence[str] = (),
    sims: int = SIMS,
    worlds: int = WORLDS,
    people: int = PEOPLE,
    seed: int = 1,
    folder: str | Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Replays:
    """Simulate every published design and put its published numbers beside it.

    names : designs (all that ship, unless given). sims : trials of each, spread over `worlds` hypotheses and draws with `people` a pool. folder : one
    file a design; what is there and depends on the same numbers is not simulated again. Blinded trials get the small-study effect of the fit, since what
    was published is subject to it. Raises UsageError for an unknown design.
    """
    sims, worlds = whole("sims", sims), whole("worlds", worlds)
    if not 1 <= worlds <= sims:
        raise UsageError(f"{worlds} worlds for {sims} trials", where="worlds", allowed=f"1 to {sims}", fix="worlds=24")
    keep = _folder(folder)
    chosen = [find_design(name) for name in names or library()]
    asked = {d.id: targets(d) for d in chosen}
    chosen = [until_last(d, asked[d.id]) for d in chosen]
    share = np.array([_work(d) if asked[d.id] else 0.0 for d in chosen])
    done, rows, without = 0.0, [], {}
    for design, part in zip(chosen, share, strict=True):
        if not asked[design.id]:
            without[design.id] = "no published mean, share or difference of mood at a visit of the design"
            continue
        begin = done

        def told(of: float, begin: float = begin, part: float = float(part)) -> None:
            if progress:
                progress((begin + of * part) / max(float(share.sum()), 1e-9))

        rows += _one(design, asked[design.id], sims, worlds, people, seed, keep, told)
        done += float(part)
        told(0.0, done)
    return Replays(tuple(rows), without, sims, worlds, people, seed)


def _work(design: Design) -> float:
    """About how long a design takes against others: doses and days of all arms."""
    return sum(len(a.regimen().doses(design.end_h)) + design.end_h / 24.0 / 7.0 + 3.0 for a in design.arms)


def targets(design: Design) -> tuple[Published, ...]:
    """The published numbers of mood that a design can be asked for: means of change and shares of single arms, and differences to the comparator."""
    study = studies().get(design.study)
    if study is None:
        return ()
    arms = {arm.name for arm in design.arms}
    found: list[Published] = []
    for row in study.rows:
        if not _asked_for(row, design) or row.arm not in arms:
            continue
        if not row.versus and row.statistic in ("change_mean", *SHARE_STATISTICS) and not row.cut:
            measure = "change" if row.statistic == "change_mean" else row.statistic
            if design.kind != "crossover" or measure == "change":
                found.append(Published(measure, row.time_h, row.arm, "", row.value, row.scale, (row,)))
        elif (row.statistic, row.unit, row.versus) == (
            "difference",
            "points",
            design.comparator,
        ) and row.arm in design.compared:
            found.append(Published("change", row.time_h, row.arm, row.versus, row.value, row.scale, (row,)))
    first = published(study)
    if (
        first is not None
        and first.scale == design.scale
        and first.versus == design.comparator
        and first.arm in design.compared
        and _at_visit(design, first.at_h)
        and not any(f.versus and (f.measure, f.arm, f.at_h) == (first.measure, first.arm, first.at_h) for f in found)
    ):
        found.append(first)
    once: dict[tuple[str, str, str, float], Published] = {}
    for one in found:  # the first of several readings of one number
        once.setdefault((one.measure, one.arm, one.versus, one.at_h), one)
    return tuple(once.values())


def until_last(design: Design, asked: Sequence[Published]) -> Design:
    """The design up to the last visit that anything is asked of: what comes after it changes nothing there and is not simulated."""
    last = max((one.at_h for one in asked), default=design.visits_h[-1])
    visits = tuple(t for t in design.visits_h if t <= last + 1e-6)
    if design.kind == "withdrawal" or len(visits) in (0, len(design.visits_h)):
        return design
    where = replace(design.endpoint, at_h=min(design.endpoint.at_h, visits[-1]))
    return replace(design, visits_h=visits, endpoint=where)


def _asked_for(row: Row, design: Design) -> bool:
    return (
        row.endpoint == "madrs"
        and row.use == "predict"
        and not row.estimand
        and not row.is_sign
        and not row.among
        and "+" not in row.arm + row.versus
        and row.scale == design.scale
        and math.isfinite(row.time_h)
        and math.isnan(row.from_h)
        and math.isnan(row.versus_h)
        and _at_visit(design, row.time_h)
    )


def _at_visit(design: Design, at_h: float) -> bool:
    return any(abs(at_h - t) < 1e-6 for t in design.visits_h)


def _one(
    design: Design,
    asked: Sequence[Published],
    sims: int,
    worlds: int,
    people: int,
    seed: int,
    keep: Path | None,
    progress: Callable[[float], None],
) -> list[Replayed]:
    study = studies()[design.study]
    chosen = replace(design, small_study=study.blinding in BLINDED)
    trial = Trial(chosen, seed, count=worlds, people=people)
    key = _key(trial, asked, sims)
    file = keep / f"{design.id}-{key[:12]}.json" if keep else None
    if file and file.is_file():
        try:
            return [
                Replayed(**(row | {"records": tuple(row["records"])})) for row in json.loads(file.read_text("utf-8"))
            ]
        except (ValueError, TypeError, KeyError):
            pass  # half a file or another form: made again
    found = trial.replicates(sims, chosen.n, progress)
    names = np.array([trial.worlds[k % worlds].hypothesis for k in found.numbers])
    rows = [_row(chosen, study, one, found, names) for one in asked]
    made = [row for row in rows if row is not None]
    if file:
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps([plain(asdict(row)) for row in made], ensure_ascii=False), encoding="utf-8")
        os.replace(part, file)
    return made


def _key(trial: Trial, asked: Sequence[Published], sims: int) -> str:
    """Hash of everything that decides the rows of a design."""
    drawn = [(w.hypothesis, sorted(w.replaced.items())) for w in trial.worlds]
    plan = (trial.design, drawn, trial.seed, trial.people, sims, [(p, p.value) for p in asked], __version__)
    return sha256(repr(plan).encode()).hexdigest()


def _row(design: Design, study: Study, asked: Published, found: Replicates, names: Array) -> Replayed | None:
    simulated = simulate(design, study, asked, found)
    ok = np.isfinite(simulated)
    if ok.sum() < max(len(ok) // 2, 2):
        return None
    rows = simulated[ok]
    return Replayed(
        design=design.id,
        study=study.id,
        kind="difference" if asked.versus else "arm",
        measure=asked.measure,
        arm=asked.arm,
        versus=asked.versus,
        day=asked.at_h / 24.0,
        scale=asked.scale,
        n=design.n,
        role=study.role,
        published=asked.value,
        mean=float(rows.mean()),
        low=float(np.percentile(rows, 5)),
        high=float(np.percentile(rows, 95)),
        pit=place_of(rows, asked.value),
        by_hypothesis={n: place_of(simulated[ok & (names == n)], asked.value) for n in dict.fromkeys(names.tolist())},
        records=tuple(row.record for row in asked.rows),
        replicates=int(ok.sum()),
    )


def simulate(design: Design, study: Study, asked: Published, found: Replicates) -> Array:
    """The published statistic of every simulated trial, (R,): the mean change or share of an arm, or the difference by the design's analysis."""
    where = Endpoint(asked.measure, asked.at_h, asked.arm, _cut(study, design, asked.measure))
    if asked.versus and asked.measure in CROSSED:
        return crossover_outcomes(design, found, design.n)[asked.measure]
    at = replace(design, endpoint=where)
    if asked.versus:
        outcome = analyse(replace(at, analysis=_analysis(design, asked.measure)), found, design.n)
        return outcome.estimate[:, design.compared.index(asked.arm)]
    if design.kind == "crossover":
        return _crossed_mean(at, found, asked.arm == design.endpoint.arm)
    own = found.arm == design.names.index(asked.arm)
    if asked.measure == "change":
        j = int(np.argmin(np.abs(np.array(design.visits_h) - asked.at_h)))
        return _mean(np.where(own, found.change[..., j], np.nan))
    return _mean(np.where(own, np.nan_to_num(achieved(at, found), nan=0.0), np.nan))


def _crossed_mean(design: Design, found: Replicates, compared: bool) -> Array:
    """Mean change under one treatment of a crossover, over both periods. compared : the treatment that the first sequence begins with, else the comparator."""
    first, second = crossover_changes(design, found)
    mine = found.arm == 0 if compared else found.arm != 0
    return _mean(np.where(mine, first, second))


def _mean(rows: Array) -> Array:
    """Mean over people, nan left out, (R,)."""
    count = np.isfinite(rows).sum(axis=1)
    return np.where(count > 0, np.nansum(rows, axis=1) / np.maximum(count, 1), np.nan)


def _analysis(design: Design, measure: str) -> Analysis:
    """The design's own analysis where it is one of scores; of few people analysis of covariance."""
    if measure != "change":
        return Analysis("proportions")
    method = design.analysis.method if design.analysis.method in OF_SCORES else "ancova"
    return replace(design.analysis, method="ancova" if design.n < SMALL else method)


def _cut(study: Study, design: Design, measure: str) -> float:
    stated = study.cuts.get("remission")
    if measure == "remission" and isinstance(stated, int | float):
        return float(stated)
    return remission_cut(design.scale)


def _folder(folder: str | Path | None) -> Path | None:
    if folder is None:
        return None
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise UsageError("that is a file, not a folder", where=f"--keep {place}", fix=f"--keep {place}_replay")
    place.mkdir(parents=True, exist_ok=True)
    return place
