"""A calibration of one hypothesis as it ships: log scores of every study at its posterior draws, and what follows from them for any set of studies.

log evidence   log p(y | h) = log Z_linear + log mean (exact / linear) over the posterior draws; Z_linear by importance sampling of 4,000 draws
leave one out  p(y_s | y_-s) = sum_k w_k / sum_k w_k / p(y_s | z_k)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ketasim.chain.hypothesis import Hypothesis, hypothesis, posterior_path
from ketasim.core import KetasimError, log_sum_exp, normals
from ketasim.core.arrays import Array, BoolArray

from ..arms.context import Context
from ..arms.numbers import Numbers
from ..arms.times import without_early_response
from ..compare.likelihood import observed
from .findings import FindingSet, finding_sets
from .hypotheses import joined, mood_studies
from .own_findings import Added
from .stale import not_stale, stale

SEED, MANY_DRAWS, WIDER = 9, 4000, 1.1  # draws of the linear problem
LARGEST = 30.0  # of a log ratio of exact to linear


@dataclass(frozen=True)
class Calibrated:
    """One shipped calibration. scores (K, S): log score of study s at draw k; held (K, V) likewise for held-out studies."""

    entry: Hypothesis
    names: tuple[str, ...]
    groups: Mapping[str, str]
    log_ratio: Array
    scores: Array
    z: Array
    held_names: tuple[str, ...]
    held: Array
    misfit: Mapping[str, float]
    rows: Mapping[str, int]
    laplace: float
    linear: Mapping[str, Any] = field(repr=False)
    evidence: str = ""
    mode: Mapping[str, float] = field(default_factory=dict)
    added: Added | None = None

    def with_own(self, own: Added) -> Calibrated:
        """The same with findings of one's own as further studies, scored at the shipped draws; nothing is fitted again."""
        studies = own.findings.names
        return replace(
            self,
            names=(*self.names, *studies),
            groups=dict(self.groups) | own.findings.groups,
            scores=np.hstack([self.scores, own.scores()]),
            added=own,
        )

    @property
    def centre(self) -> Array:
        """Scores z (p,) around which the linear form holds; the mode where none ships."""
        return np.array(
            self.linear["centre"] if self.linear else [self.mode.get(key, 0.0) for key in self.entry.free_keys]
        )

    def log_weights(self, keep: BoolArray) -> Array:
        """Log importance weights of the draws with the studies `keep` (S,), not normalised."""
        return np.asarray(self.log_ratio + self.scores[:, keep].sum(axis=1))

    def log_evidence(self, keep: BoolArray) -> tuple[float, float, float]:
        """Log evidence, its standard error, effective number of exact draws.

        With a linear form: log Z = log Z_linear + log mean_posterior (exact / linear), the first from many draws, the second from the shipped ones; the ratio is
        near 1, so few draws suffice. Without: plain importance sampling.
        """
        if self.many is None:
            return _log_mean(self.log_weights(keep))
        ratio, scores = self.many
        linear, linear_se, _ = _log_mean(ratio + scores[:, keep].sum(axis=1))
        at_draws = self._linear_at_draws[:, keep].sum(axis=1)
        log_w = self.log_ratio + at_draws
        w = np.exp(log_w - log_sum_exp(log_w))
        gain = np.exp(np.clip(self.scores[:, keep].sum(axis=1) - at_draws, -LARGEST, LARGEST))
        mean = float(w @ gain)
        se = float(np.sqrt((w**2) @ (gain - mean) ** 2) / mean)
        own = w * gain
        return linear + math.log(mean), math.hypot(linear_se, se), float(own.sum() ** 2 / (own**2).sum())

    def leave_one_out(self, keep: BoolArray) -> Array:
        """log p(y_s | y_-s) of every kept study, (S_kept,): many draws of the linear problem where one ships, else the shipped draws.

        Ratios are truncated at mean sqrt(K) (Ionides 2008, doi:10.1198/106186008X320456), so that no draw rules.
        """
        log_w, scores = self.many if self.many is not None else (self.log_ratio, self.scores)
        log_w, kept = log_w + scores[:, keep].sum(axis=1), scores[:, keep]
        log_w = log_w - log_sum_exp(log_w)
        ratio = log_w[:, None] - kept
        ratio = np.minimum(ratio, log_sum_exp(ratio, axis=0) - 0.5 * math.log(len(log_w)))
        return np.asarray(log_sum_exp(ratio + kept, axis=0) - log_sum_exp(ratio, axis=0))

    def held_out(self, keep: BoolArray) -> Array:
        """log p(y_v | y) of every held-out study, (V,); NaN where a draw could not be integrated; empty where none is held out."""
        if not self.held.size:
            return np.zeros(0)
        log_w = self.log_weights(keep)
        return np.asarray(log_sum_exp((log_w - log_sum_exp(log_w))[:, None] + self.held, axis=0))

    def draws(self, keep: BoolArray) -> Array:
        """Normalised weights of the draws, (K,)."""
        log_w = self.log_weights(keep)
        return np.asarray(np.exp(log_w - log_sum_exp(log_w)))

    @cached_property
    def many(self) -> tuple[Array, Array] | None:
        """Draws of the linear problem: log prior over proposal (K,), log scores of every study (K, S). None without a linear form."""
        if not self.linear:
            return None
        p = len(self.linear["centre"])
        hessian = np.eye(p)
        for _, j, r in self._lines:
            white = np.linalg.solve(r, j)
            hessian += white.T @ white
        root = np.linalg.cholesky(np.linalg.inv(hessian) * WIDER)
        noise = np.column_stack([normals(SEED, f"weigh linear {self.entry.id} {k}", MANY_DRAWS) for k in range(p)])
        z = np.array([self.mode[key] for key in self.entry.free_keys]) + noise @ root.T
        log_ratio = -0.5 * (z**2).sum(axis=1) + 0.5 * (noise**2).sum(axis=1) + np.log(np.diag(root)).sum()
        return log_ratio, self._linear_scores(z)

    @cached_property
    def _lines(self) -> tuple[tuple[Array, Array, Array], ...]:
        """Prediction (R,), jacobian (R, p) and root of the covariance (R, R) of every human study."""
        line = self.linear
        with not_stale(self.entry.id):
            return tuple(
                (np.array(f), np.array(j), np.linalg.cholesky(np.array(c)))
                for f, j, c in zip(line["f"], line["jacobian"], line["covariances"], strict=True)
            )

    @cached_property
    def _linear_at_draws(self) -> Array:
        """Log scores of every study under the linear form at the shipped draws, (K, S)."""
        return self._linear_scores(self.z)

    def _linear_scores(self, z: Array) -> Array:
        """Log scores of every study under the linear form at z (N, p), (N, S)."""
        with not_stale(self.entry.id):
            return self._scores_at(z)

    def _scores_at(self, z: Array) -> Array:
        move = z - np.array(self.linear["centre"])
        columns = []
        for y, (own, j, r) in zip(observed_values(self.names[: len(self._lines)]), self._lines, strict=True):
            if len(y) != len(own):
                raise stale(self.entry.id, "a study has changed since the calibration")
            white = np.linalg.solve(r, (y - own - move @ j.T).T)
            columns.append(
                -0.5 * (white**2).sum(axis=0) - np.log(np.diag(r)).sum() - 0.5 * len(y) * math.log(2 * math.pi)
            )
        outcomes = (
            np.array([np.nan if x is None else x for x in self.linear["outcomes"]])
            + move @ np.array(self.linear["slopes"]).T
        )
        findings = findings_of(self.names)
        if outcomes.shape[1] != len(findings.findings):
            raise stale(self.entry.id, "the findings have changed since the calibration")
        own_studies = () if self.added is None else self.added.findings.names
        table = joined(
            self.names[: len(self.names) - len(own_studies)],
            np.column_stack(columns),
            findings,
            findings.score(outcomes),
        )
        return table if self.added is None else np.hstack([table, self.added.linear_scores(move)])


@lru_cache(maxsize=4)
def findings_of(names: tuple[str, ...]) -> FindingSet:
    """The findings of the studies that a calibration rests on; what came later is not weighed until the hypotheses are fitted again."""
    return FindingSet(tuple(f for f in finding_sets().findings if f.study in names))


@lru_cache(maxsize=4)
def observed_values(names: tuple[str, ...]) -> tuple[Array, ...]:
    """Published mood values of the studies, on the scale of comparison."""
    found: dict[str, Array] = {}
    people: dict[str, str] = {}
    for study in mood_studies("fit"):
        context = Context(study, Numbers())
        rows = [row for row in study.predicted if not row.among or without_early_response(row)]  # others have no rule
        own = np.array([observed(study, row, context.per_point(row.scale)).y for row in rows])
        first = people.setdefault(study.people_key, study.id)
        if study.id in names:
            found[study.id] = own
        elif first in found:  # the same patients under another name: one set with the first
            found[first] = np.concatenate([found[first], own])
    for name in names:
        if name not in found:
            raise KetasimError(
                f"the calibration rests on the study {name}, which has no rows of mood any more", where=name
            )
    return tuple(found[name] for name in names)


def _log_mean(log_w: Array) -> tuple[float, float, float]:
    count, total = len(log_w), float(log_sum_exp(log_w))
    w = np.exp(log_w - log_w.max())
    return (
        total - math.log(count),
        float(w.std(ddof=1) / math.sqrt(count) / w.mean()),
        float(w.sum() ** 2 / (w**2).sum()),
    )


@lru_cache(maxsize=32)
def calibrated(name: str) -> Calibrated:
    """The shipped calibration of a hypothesis."""
    entry = hypothesis(name)
    path = posterior_path(name)
    if not path.exists():
        raise KetasimError(
            f"no calibration of {name} ships", where=str(path), fix=f"python -m ketasim.evidence.weigh.weigh_fit {name}"
        )
    with not_stale(name):
        return _read(entry, json.loads(path.read_text(encoding="utf-8")))


def _read(entry: Hypothesis, data: Mapping[str, Any]) -> Calibrated:
    if tuple(data["keys"]) != entry.free_keys:
        raise stale(entry.id, f"the calibration of {entry.id} is of other free values")
    held = np.array([[np.nan if x is None else x for x in row] for row in data["held"]], dtype=float)
    return Calibrated(
        entry,
        tuple(data["names"]),
        data["groups"],
        np.array(data["log_ratio"]),
        np.array(data["scores"]),
        np.array(data["z"]),
        tuple(data["held_names"]),
        held,
        data["misfit"],
        data["rows"],
        float(data["laplace"]),
        data["linear"],
        str(data.get("evidence", "")),
        data["mode"],
    )
