"""Which uncertain values move the headlines, and what the data say about each: the sensitivity and identifiability report.

A value's sensitivity is half of what the headline moves between its ends at one SD on either side; the rank correlations are of exact predictions
at draws of the posterior. What each group of studies says is worked out from the sensitivities that ship (`evidence.fit.leave_out.Linear`); formulas
in `identify`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ketasim.core import FrozenMapping, KetasimError, knowledge_path, read_toml, value
from ketasim.core.arrays import Array
from ketasim.core.posterior import SPREAD, posterior
from ketasim.evidence.compare.predict import all_evidence
from ketasim.evidence.fit.leave_out import Linear, linear
from ketasim.evidence.fit.parameters import free_parameters
from ketasim.evidence.published.study import Row

from .headlines import OWN, Uncertain, fitted_values, headline_study, inward, other_values, predictions
from .identify import (
    LEAST_CONTRACTION,
    Information,
    contraction,
    correlations,
    explained,
    identified,
    rank_correlations,
    results_without,
    strongest,
    variance_shares,
)

Progress = Callable[[str], None]
EXACT_DRAWS = 200  # evenly taken from the posterior
MOST_CORRELATED, LEAST_CORRELATION = 3, 0.2
MOST_GROUPS, LEAST_INFORMED = 3, 0.05
LOW, HIGH = 5.0, 95.0
MOVED = 1.0  # posterior SDs of a headline: what counts as moved by leaving a group out


@dataclass(frozen=True)
class Headline:
    """A result in one row, and what is known of it. low, high : 5th and 95th percentile over the posterior's draws."""

    name: str
    label: str
    unit: str
    value: float
    low: float
    high: float
    linear_share: float  # of the variance over the draws that the linear form explains


@dataclass(frozen=True)
class Effect:
    """What one value does to one headline. per_sd : change of the headline per SD of the value; share : of its variance; rank : Spearman, NaN if not drawn."""

    headline: str
    key: str
    per_sd: float
    share: float
    rank: float


@dataclass(frozen=True)
class Known:
    """What the data say about one value. prior_sd, posterior_sd on the scale of its uncertainty (log, logit or plain); moved in prior SDs.

    informed_by : groups of studies (programmes or clinics) with the share of what the data say that is lost without them.
    """

    key: str
    label: str
    origin: str
    basis: str
    grade: str
    prior_sd: float
    posterior_sd: float
    contraction: float
    identified: bool
    moved: float
    correlated: tuple[tuple[str, float], ...] = ()
    informed_by: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Without:
    """Headlines without a group of evidence: headline -> (value, posterior SD), and which of them move by more than `MOVED` SD or change sign."""

    group: str
    studies: int
    rows: int
    results: Mapping[str, tuple[float, float]]
    moved: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """The whole report."""

    headlines: tuple[Headline, ...]
    effects: tuple[Effect, ...]
    values: tuple[Known, ...]
    subjects: Mapping[str, tuple[str, ...]]
    without: tuple[Without, ...]
    draws: int
    posterior_sd: Mapping[str, float] = field(
        default_factory=dict
    )  # of each headline, from the fitted values alone, linear

    def of(self, headline: str, most: int | None = None) -> list[Effect]:
        """Effects on a headline, largest share of variance first."""
        mine = [e for e in self.effects if e.headline == headline]
        return sorted(mine, key=lambda e: -abs(e.share))[:most]

    def known(self, key: str) -> Known | None:
        """What is known of a value; None for one that no fit has touched and that moves no headline."""
        return next((v for v in self.values if v.key == key), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for --json; what is not known is null."""
        return {
            "headlines": [plain(asdict(h)) for h in self.headlines],
            "effects": [plain(asdict(e)) for e in self.effects],
            "values": [plain(asdict(v)) for v in self.values],
            "subjects": {name: list(keys) for name, keys in self.subjects.items()},
            "without": [plain(asdict(w)) for w in self.without],
            "draws": self.draws,
            "posterior_sd": dict(self.posterior_sd),
            "least_contraction": LEAST_CONTRACTION,
        }


def plain(found: Any) -> Any:
    """NaN as None, tuples as lists, all the way down."""
    if isinstance(found, float):
        return found if math.isfinite(found) else None
    if isinstance(found, Mapping):
        return {key: plain(item) for key, item in found.items()}
    return [plain(item) for item in found] if isinstance(found, list | tuple) else found


# the report ---------------------------------------------------------------------------------------------------------


def report(tell: Progress | None = None, evidence: Linear | None = None, draws: int = EXACT_DRAWS) -> Report:
    """The sensitivity and identifiability report. evidence : the linear form of the fit, worked out from what ships unless given."""
    shipped = posterior()
    if shipped is None:
        raise KetasimError(
            "no posterior ships", where="knowledge/posterior", fix="python -m ketasim.evidence.fit --ship"
        )
    say = tell or (lambda _: None)
    say("values of the posterior")
    mine, table = fitted_values(shipped)
    rest = other_values(shipped.names)
    everyone = [*mine, *rest]
    few = shipped.even(draws)
    wanted = {u.key for u in mine}
    at_draws = [{k: v for k, v in few.one(i).items() if k in wanted} for i in range(len(few))]
    ends = [{u.key: u.at(side)} for u in everyone for side in (1.0, -1.0)]
    say(f"{len(rows := headline_study().rows)} headlines at {1 + len(ends) + len(at_draws)} sets of numbers")
    found = predictions([{}, *ends, *at_draws])
    base, there, drawn = found[0], found[1 : 1 + len(ends)], found[1 + len(ends) :]
    per_sd = (there[0::2] - there[1::2]) / 2.0  # (p, H)
    moves_one = np.any(per_sd != 0.0, axis=1)
    keep = [k for k in range(len(everyone)) if k < len(mine) or moves_one[k]]
    everyone, per_sd = [everyone[k] for k in keep], per_sd[keep]
    rest = everyone[len(mine) :]
    covariance = np.zeros((len(everyone), len(everyone)))
    covariance[: len(mine), : len(mine)] = np.cov(table.T)
    covariance[len(mine) :, len(mine) :] = np.eye(len(rest))
    places = np.array([inward(u.scale.kind, np.array([one[u.key] for one in at_draws])) for u in mine]).T
    middle = np.array([float(inward(u.scale.kind, np.array([u.scale.start]))[0]) for u in mine])
    moves = (places - middle) / np.array([u.sd for u in mine])
    headlines, effects = [], []
    labels = read_toml(knowledge_path() / "headlines.toml")["headlines"]
    for h, row in enumerate(rows):
        share = variance_shares(per_sd[:, h], covariance)
        rank = rank_correlations(moves, drawn[:, h])
        ends_of = np.percentile(drawn[:, h], [LOW, HIGH])
        fit_share = explained(moves @ per_sd[: len(mine), h], drawn[:, h])
        headlines.append(Headline(row.record, labels[row.record]["label"], row.unit, float(base[h]), float(ends_of[0]), float(ends_of[1]), fit_share))  # fmt: skip
        for k, u in enumerate(everyone):
            effects.append(Effect(row.record, u.key, float(per_sd[k, h]), float(share[k]), float(rank[k]) if k < len(mine) else math.nan))  # fmt: skip
    say("what each group of studies says")
    around = evidence or linear(all_evidence(), tell)
    by_cluster, by_group, counts = _information(around)
    values = _known(everyone, table, by_cluster)
    sensitivities = _sensitivities(mine, per_sd, rows)
    without = _without(
        by_group, counts, sensitivities, dict(zip([r.record for r in rows], map(float, base), strict=True))
    )
    whole = by_group.covariance
    return Report(
        tuple(headlines), tuple(effects), tuple(values), _subjects(), without, len(few),
        {key: float(np.sqrt(b @ whole @ b)) for key, b in sensitivities.items()},
    )  # fmt: skip


def _subjects() -> Mapping[str, tuple[str, ...]]:
    table = read_toml(knowledge_path() / "headlines.toml")["subjects"]
    for key in [key for keys in table.values() for key in keys]:
        value(key)  # an unknown name teaches
    return FrozenMapping({name: tuple(keys) for name, keys in table.items()})


def _information(around: Linear) -> tuple[Information, Information, Mapping[str, tuple[int, int]]]:
    """What each cluster and each group of studies says, and (studies, rows) of each group."""
    blocks = around.evidence.blocks
    residuals = [block.y - f for block, f in zip(blocks, around.base, strict=True)]
    used = [i for i, block in enumerate(blocks) if block.study.role == "fit"]
    parts = ([around.jacobian[i] for i in used], [residuals[i] for i in used], [around.covariances[i] for i in used])
    groups = [blocks[i].study.group for i in used]
    counts = {
        g: (sum(x == g for x in groups), sum(len(blocks[i].rows) for i, x in zip(used, groups, strict=True) if x == g))
        for g in groups
    }
    clusters = [blocks[i].study.cluster_key for i in used]
    return Information.of(clusters, *parts, around.z), Information.of(groups, *parts, around.z), counts


def _known(everyone: Sequence[Uncertain], table: Array, clusters: Information) -> list[Known]:
    free = [p.key for p in free_parameters()]
    fit_keys = [u.key for u in everyone if u.origin != OWN]
    with_others = strongest(fit_keys, correlations(np.cov(table.T)), MOST_CORRELATED, LEAST_CORRELATION)
    informed = clusters.informed()
    found = []
    for u in everyone:
        source = value(u.key.removesuffix(SPREAD))
        moved = 0.0
        by: tuple[tuple[str, float], ...] = ()
        if u.key in free:
            k = free.index(u.key)
            moved = float(clusters.z[k])
            order = np.argsort(-informed[:, k], kind="stable")[:MOST_GROUPS]
            by = tuple((clusters.names[g], float(informed[g, k])) for g in order if informed[g, k] >= LEAST_INFORMED)
        shrunk = float(contraction(np.array([u.prior_sd]), np.array([u.sd]))[0]) if u.origin != OWN else 0.0
        label = source.label or u.key
        found.append(
            Known(
                u.key, label + (", spread between people" if u.key.endswith(SPREAD) else ""), u.origin, source.basis, source.grade,
                u.prior_sd, u.sd, shrunk, bool(u.origin != OWN and identified(np.array([shrunk]))[0]), moved,
                tuple(with_others.get(u.key, ())), by,
            )
        )  # fmt: skip
    return found


def _sensitivities(mine: Sequence[Uncertain], per_sd: Array, rows: Sequence[Row]) -> dict[str, Array]:
    """Of every headline in the values of the fit to outcomes, (p,) per prior SD, in the order of the fit."""
    place = {u.key: k for k, u in enumerate(mine)}
    free = free_parameters()
    found = {}
    for h, row in enumerate(rows):
        slopes = np.zeros(len(free))
        for i, p in enumerate(free):
            if p.key in place:
                u = mine[place[p.key]]
                slopes[i] = per_sd[place[p.key], h] * u.prior_sd / u.sd
        found[row.record] = slopes
    return found


def _without(
    groups: Information,
    counts: Mapping[str, tuple[int, int]],
    sensitivities: Mapping[str, Array],
    at_mode: Mapping[str, float],
) -> tuple[Without, ...]:
    """Every headline without each group of studies."""
    table = results_without(groups, sensitivities, at_mode)
    covered = groups.covariance
    sd = {key: float(np.sqrt(b @ covered @ b)) for key, b in sensitivities.items()}
    found = []
    for name in groups.names:
        changed = tuple(
            key
            for key, (result, _) in table[name].items()
            if abs(result - at_mode[key]) > MOVED * sd[key] or result * at_mode[key] < 0
        )
        found.append(Without(name, *counts[name], table[name], changed))
    return tuple(sorted(found, key=lambda w: -len(w.moved)))
