"""The fit behind every shipped calibration, on problems whose posterior and evidence have a closed form."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from ketasim.chain.hypothesis import Hypothesis, Prior, hypothesis
from ketasim.core import KetasimError
from ketasim.evidence.weigh import weigh_fit
from ketasim.evidence.weigh.weigh_fit import STANDS, exact, fingerprint, fit_one, linearise, walk

Array = np.ndarray
NOISE = 0.5
TOLD_SD = 0.7


class Findings:
    """One finding that measures the last free value with error `TOLD_SD`: its log score is quadratic too."""

    names = ("Mouse2001",)
    groups = MappingProxyType({"Mouse2001": "animal"})
    findings = (
        SimpleNamespace(
            study="Mouse2001", plan=SimpleNamespace(name="toy"), published=SimpleNamespace(says="more", found=1.0)
        ),
    )

    def score(self, outcomes: Array) -> Array:
        return norm.logpdf(1.0, outcomes, TOLD_SD)


class Judge:
    """Studies y_s = A_s z + error, z ~ N(0, I). With `bent`, the first value does nothing beyond its bound."""

    def __init__(self, entry: Hypothesis, truth: Array, bound: float = math.inf) -> None:
        self.entry, self.bound, p = entry, bound, len(entry.free)
        rng = np.random.default_rng(7)
        self.slopes = [rng.normal(size=(rows, p)) for rows in (3, 4, 2 + p)]
        studies = [SimpleNamespace(id=f"Study{i}", group="single IV") for i in range(3)]
        rows = [[SimpleNamespace(row=SimpleNamespace(record=f"r{i}"), kind="mean", y=1.0, se=NOISE)] for i in range(3)]
        self.fit = SimpleNamespace(
            blocks=[
                SimpleNamespace(y=a @ truth, study=study, rows=row)
                for a, study, row in zip(self.slopes, studies, rows, strict=True)
            ]
        )
        self.held_out = SimpleNamespace(blocks=[])
        self.findings = Findings()
        self.names = ("Study0", "Study1", "Study2", "Mouse2001")

    def human(self, z: Array, evidence: Any = None) -> list[Array]:
        if z[0] > 50:
            raise KetasimError("cannot be integrated")
        inside = np.array([min(z[0], self.bound), *z[1:]])
        if evidence is not None:
            if z[0] < 0:
                raise KetasimError("cannot be integrated")
            return [np.array([z.sum()])]
        return [a @ inside for a in self.slopes]

    def covariances(self, z: Array, base: list[Array], evidence: Any = None) -> list[Array]:
        return [NOISE**2 * np.eye(len(f)) for f in base]

    def outcomes(self, z: Array) -> Array:
        return np.atleast_2d(z)[:, -1:]

    def groups(self) -> dict[str, str]:
        return {n: "animal" if n == "Mouse2001" else "single IV" for n in self.names}

    @property
    def whole(self) -> tuple[Array, Array, Array]:
        """All observations in one: design (R, p), covariance (R, R), y (R,)."""
        design = np.vstack([*self.slopes, np.eye(len(self.entry.free))[-1:]])
        sizes = [NOISE**2] * (len(design) - 1) + [TOLD_SD**2]
        return design, np.diag(sizes), np.concatenate([*(b.y for b in self.fit.blocks), [1.0]])

    def mode(self) -> tuple[Array, Array]:
        """Posterior mean and precision of the linear Gaussian problem."""
        a, c, y = self.whole
        precision = np.eye(a.shape[1]) + a.T @ np.linalg.solve(c, a)
        return np.linalg.solve(precision, a.T @ np.linalg.solve(c, y)), precision

    def log_evidence(self) -> float:
        """log p(y) = log N(y; 0, A A' + C)."""
        a, c, y = self.whole
        return float(multivariate_normal(np.zeros(len(y)), a @ a.T + c).logpdf(y))


def entry(count: int = 3, **bounds: tuple[float, float]) -> Hypothesis:
    """A hypothesis with `count` free values, z on the scale of the value itself."""
    free = tuple(
        Prior(f"value_{k}", 0.0, "normal", 1.0, bounds.get(f"value_{k}", (-math.inf, math.inf))) for k in range(count)
    )
    return dataclasses.replace(hypothesis("opioid-gate"), id="toy", free=free)


@pytest.mark.parametrize("truth", [(0.3, -0.2, 0.1), (3.0, -2.0, 1.5)])
def test_the_walk_ends_at_the_mode_however_far(truth: tuple[float, ...]) -> None:
    j = Judge(entry(), np.array(truth))
    here, hessian, history = walk(j)  # type: ignore[arg-type]
    mode, precision = j.mode()
    assert np.abs(here.z0 - mode).max() < STANDS
    np.testing.assert_allclose(hessian, precision, rtol=1e-6, atol=1e-6)
    assert (np.diff(history) < 0).all()
    if np.abs(mode).max() > 2:
        assert len(history) > 2  # no step is longer than its limit


def test_a_start_at_the_mode_stays_there() -> None:
    j = Judge(entry(), np.array([1.0, 0.5, -0.5]))
    mode, _ = j.mode()
    here, _, history = walk(j, mode)  # type: ignore[arg-type]
    np.testing.assert_array_equal(here.z0, mode)
    assert len(history) == 1


def test_differences_turn_inward_at_a_bound() -> None:
    j = Judge(entry(value_0=(-math.inf, 0.5)), np.zeros(3), bound=0.5)
    here = linearise(j, np.array([0.5, 0.0, 0.0]))  # type: ignore[arg-type]
    for found, own in zip(here.jacobian, j.slopes, strict=True):
        np.testing.assert_allclose(found, own, atol=1e-9)


def test_what_cannot_be_integrated_is_never_better() -> None:
    j = Judge(entry(), np.zeros(3))
    z = np.zeros(3)
    covariances = j.covariances(z, j.human(z))
    assert math.isfinite(exact(j, z, covariances))  # type: ignore[arg-type]
    assert exact(j, np.array([60.0, 0.0, 0.0]), covariances) == math.inf  # type: ignore[arg-type]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Judge:
    j = Judge(entry(), np.array([0.8, -0.6, 0.4]))
    j.held_out.blocks.append(SimpleNamespace(y=np.array([1.0]), study=SimpleNamespace(id="Later2010", group="crisis")))
    monkeypatch.setattr(weigh_fit, "judge", lambda _: j)
    return j


def test_log_evidence_comes_out_in_closed_form(told: Judge) -> None:
    found = fit_one(told.entry, 400)
    truth = told.log_evidence()
    assert found["laplace"] == pytest.approx(truth, abs=0.02)
    log_w = np.array(found["log_ratio"]) + np.array(found["scores"]).sum(axis=1)
    w = np.exp(log_w - log_w.max())
    error = w.std(ddof=1) / math.sqrt(len(w)) / w.mean()
    assert error < 0.05 and w.sum() ** 2 / (w**2).sum() > 200
    assert logsumexp(log_w) - math.log(len(log_w)) == pytest.approx(truth, abs=4 * error)


def test_draws_carry_the_exact_score_of_every_study(told: Judge) -> None:
    found = fit_one(told.entry, 12)
    assert found["names"] == list(told.names)
    for z, scores in zip(np.array(found["z"]), np.array(found["scores"]), strict=True):
        mine = [norm.logpdf(b.y, a @ z, NOISE).sum() for a, b in zip(told.slopes, told.fit.blocks, strict=True)]
        np.testing.assert_allclose(scores, [*mine, norm.logpdf(1.0, z[-1], TOLD_SD)], rtol=2e-3, atol=2e-3)


def test_a_held_out_study_that_cannot_be_integrated_at_a_draw_is_missing_there_only(told: Judge) -> None:
    found = fit_one(told.entry, 200)
    first = np.array(found["z"])[:, 0]
    missing = np.array([row[0] is None for row in found["held"]])
    assert found["held_names"] == ["Later2010"]
    np.testing.assert_array_equal(missing, first < 0)
    assert 0 < missing.sum() < 100


def test_the_same_fit_twice_is_the_same_to_the_last_digit(told: Judge) -> None:
    assert json.dumps(fit_one(told.entry, 8)) == json.dumps(fit_one(told.entry, 8))


def test_the_fingerprint_follows_the_evidence_and_nothing_else(told: Judge) -> None:
    before = fingerprint(told)  # type: ignore[arg-type]
    other = Judge(dataclasses.replace(told.entry, id="other"), np.zeros(3))
    assert fingerprint(other) == before  # type: ignore[arg-type]
    other.fit.blocks[1].rows[0].y = 1.01
    assert fingerprint(other) != before  # type: ignore[arg-type]


def test_the_command_ships_what_the_weighing_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    def place(name: str) -> Path:
        return tmp_path / f"{name}.json"

    monkeypatch.setattr(weigh_fit, "judge", lambda e: Judge(e, np.full(len(e.free), 0.3)))
    monkeypatch.setattr(weigh_fit, "posterior_path", place)
    assert weigh_fit.main(["disinhibition", "--draws", "6"]) == 0
    data = json.loads(place("disinhibition").read_text(encoding="utf-8"))
    assert data["hypothesis"] == "disinhibition" and data["keys"] == list(hypothesis("disinhibition").free_keys)
    assert len(data["z"]) == len(data["scores"]) == len(data["log_ratio"]) == 6
    assert set(data["mode"]) == set(data["keys"]) and set(data["groups"]) == set(data["names"])
    said = capsys.readouterr().err
    assert "disinhibition: draw 6 of 6" in said and "shipped" in said
    mode, _ = Judge(hypothesis("disinhibition"), np.full(len(data["keys"]), 0.3)).mode()
    assert np.abs(np.array(list(data["mode"].values())) - mode).max() < 0.1
