"""Leave-one-study-out and leave-one-cluster-out: model, naive baseline and rival, each without the studies that it predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ketasim.core import stream
from ketasim.core.arrays import Array

from . import scorer
from .baseline import Pool
from .predict import Evidence
from .rival import Rival
from .scorer import Scored

SEED, RESAMPLES = 4, 4000
KINDS = ("mood", "ideation", "acute effects", "concentrations", "mechanism")


def kind_of(endpoint: str) -> str:
    """The group of numbers in which coverage is asked for."""
    if endpoint.startswith(("plasma.", "arterial.")):
        return "concentrations"
    if endpoint in ("madrs", "relapse", "dropout"):
        return "mood"
    if endpoint == "ideation":
        return "ideation"
    acute = endpoint in ("cadss", "moaas", "sbp", "dbp", "heart_rate", "pressure") or endpoint.endswith("_ae")
    return "acute effects" if acute else "mechanism"


Keep = Callable[[Scored], bool]


@dataclass(frozen=True)
class LeftOut:
    """Predictions without the studies they predict: all numbers by the model; those that the baseline has too, by all three.

    lent : studies that a value which no fit frees was read from. Leaving such a study out leaves the value where it is.
    """

    model: tuple[Scored, ...]
    compared: tuple[Scored, ...]
    naive: tuple[Scored, ...]
    rival: tuple[Scored, ...]
    lent: frozenset[str] = frozenset()

    def summary(self) -> dict[str, Any]:
        """Coverage by row and by study (all numbers), gains over the naive baseline (numbers that it has), the same of the rival, and by kind.

        `independent`: the same of the studies alone that lent no value to the model.
        """
        return deepcopy(self._summary)

    @cached_property
    def _summary(self) -> dict[str, Any]:
        """Worked out once: text, JSON and page each ask for it."""
        return self._with_kinds(lambda row: True) | {
            "independent": self._with_kinds(lambda row: row.study not in self.lent)
        }

    def _with_kinds(self, keep: Keep) -> dict[str, Any]:
        kinds = [kind for kind in KINDS if any(keep(row) and row.kind == kind for row in self.model)]
        return self._figures(keep) | {"by_kind": {kind: self._figures(_of(kind, keep)) for kind in kinds}}

    @cached_property
    def _ahead(self) -> list[float]:
        """Log score of every compared number over the baseline's: worked out once, the scorer takes them one at a time."""
        pairs = zip(self.compared, self.naive, strict=True)
        return [scorer.log_score(r.y, r.mean, r.sd) - scorer.log_score(o.y, o.mean, o.sd) for r, o in pairs]

    def _figures(self, keep: Keep) -> dict[str, Any]:
        rows = [row for row in self.model if keep(row)]
        picked = [i for i, row in enumerate(self.compared) if keep(row)]
        own, naive, rival = ([part[i] for i in picked] for part in (self.compared, self.naive, self.rival))
        found: dict[str, Any] = {
            "studies": len({row.study for row in rows}),
            "values": len(rows),
            **scorer.coverage(rows),
            "by_study": scorer.coverage_by_study(rows),
            "compared": len(own),
        }
        if own:
            over_naive = scorer.summary(own, naive)
            gains = ("log_score_gain", "log_score_gain_se", "crps_gain", "crps_gain_se", "width_ratio")
            names, ahead = [row.study for row in own], [self._ahead[i] for i in picked]
            found |= {name: over_naive[name] for name in gains} | resampled(names, ahead)
            found["rival"] = scorer.summary(rival, naive)
            found["over_rival"] = scorer.compare(own, rival)
        return found


def resampled(names: Sequence[str], gains: Sequence[float]) -> dict[str, Any]:
    """What one standard error does not say where a single study makes most of it: in how many studies the gain of a prediction is one, and the middle 95 % of
    its sum over `RESAMPLES` samples of the studies with replacement (bootstrap, percentiles). names, gains : study and gain in log score of every number."""
    sums: dict[str, float] = {}
    for name, gain in zip(names, gains, strict=True):
        sums[name] = sums.get(name, 0.0) + gain
    g = np.array(list(sums.values()))
    picks = stream(SEED, "studies resampled", RESAMPLES * len(g)).reshape(RESAMPLES, len(g))
    totals = g[np.minimum((picks * len(g)).astype(np.int64), len(g) - 1)].sum(axis=1)
    low, high = np.percentile(totals, (2.5, 97.5))
    return {
        "studies_ahead": int((g > 0).sum()),
        "studies_compared": len(g),
        "log_score_gain_95": [float(low), float(high)],
    }


def _of(kind: str, keep: Keep) -> Keep:
    return lambda row: keep(row) and row.kind == kind


def left_out(
    evidence: Evidence,
    mean: Sequence[Array],
    variance: Sequence[Array],
    between: Sequence[Array],
    cluster: bool,
    sources: Collection[str] = (),
) -> LeftOut:
    """Every published number under what was fitted to the others.

    mean, variance : of the model without the studies, scale of comparison, (R,) per study; between : variance between studies of its rows.
    sources : records that values rest on which no fit frees.
    """
    pool, rival = Pool(evidence.blocks), Rival(evidence.blocks)
    model: list[Scored] = []
    compared: list[Scored] = []
    plain: list[Scored] = []
    other: list[Scored] = []
    for i, block in enumerate(evidence.blocks):
        for j, item in enumerate(block.rows):
            if item.row.is_sign:
                continue
            study, kind = block.study_of(item), kind_of(item.row.endpoint)
            sd = math.sqrt(item.se**2 + float(between[i][j]) + float(variance[i][j]))
            own = Scored(study.people_key, kind, item.y, float(mean[i][j]), sd)
            model.append(own)
            naive = pool.predict(study, item, cluster)
            if naive is None:
                continue
            against = rival.predict(study, item, cluster) or naive
            compared.append(own)
            for found, part in ((naive, plain), (against, other)):
                part.append(Scored(own.study, kind, item.y, found.mean, math.hypot(found.sd, item.se)))
    lent = {
        block.study_of(item).people_key
        for block in evidence.blocks
        for item in block.rows
        if item.row.record in sources
    }
    return LeftOut(tuple(model), tuple(compared), tuple(plain), tuple(other), frozenset(lent))
