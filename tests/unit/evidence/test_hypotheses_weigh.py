"""The arithmetic of weighing on problems with a closed form, and the errors that teach."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from ketasim.chain.hypothesis import hypotheses, hypothesis
from ketasim.core import KetasimError, UsageError
from ketasim.evidence.weigh.findings import Finding, finding_sets, number
from ketasim.evidence.weigh.hypotheses import joined, judge
from ketasim.evidence.weigh.weighing import Calibrated, Pair, prior_weights, shared_groups, stacking
from ketasim.scenario.experiments import Published, experiments


def gaussian(y: np.ndarray, sd: float, draws: int = 40000) -> Calibrated:
    """One free value z ~ N(0, 1), studies y_s ~ N(z, sd^2), drawn from N(0, 1.2^2)."""
    z = 1.2 * np.random.default_rng(3).normal(size=draws)
    ratio = norm.logpdf(z) - norm.logpdf(z, 0, 1.2)
    names = tuple(f"s{i}" for i in range(len(y)))
    scores = norm.logpdf(y[None, :], z[:, None], sd)
    return Calibrated(
        hypothesis("opioid-gate"), names, {}, ratio, scores, z[:, None], (), np.zeros((draws, 0)), {}, {}, 0.0, {}
    )


def marginal(y: np.ndarray, sd: float) -> float:
    """log p(y) in closed form."""
    c = sd**2 * np.eye(len(y)) + 1.0
    return float(
        -0.5 * y @ np.linalg.solve(c, y) - 0.5 * np.linalg.slogdet(c)[1] - 0.5 * len(y) * math.log(2 * math.pi)
    )


def test_log_evidence_and_its_error_against_the_closed_form() -> None:
    y = np.array([0.4, 1.1, -0.2])
    toy = gaussian(y, 0.8)
    found, se, effective = toy.log_evidence(np.ones(3, dtype=bool))
    assert found == pytest.approx(marginal(y, 0.8), abs=4 * se)
    assert 0 < se < 0.02 and effective > 5000


def test_leave_one_out_is_a_ratio_of_evidences() -> None:
    y = np.array([0.4, 1.1, -0.2])
    found = gaussian(y, 0.8).leave_one_out(np.ones(3, dtype=bool))
    for i in range(3):
        assert found[i] == pytest.approx(marginal(y, 0.8) - marginal(np.delete(y, i), 0.8), abs=0.03)


def test_leaving_a_study_out_is_the_evidence_without_it() -> None:
    y = np.array([0.4, 3.0, -0.2])
    keep = np.array([True, False, True])
    assert gaussian(y, 0.8).log_evidence(keep)[0] == pytest.approx(marginal(y[keep], 0.8), abs=0.05)


def test_stacking_prefers_what_predicts_and_drops_what_never_does() -> None:
    rng = np.random.default_rng(1)
    good = rng.normal(-1.0, 0.1, 30)
    w = stacking(np.stack([good, good - 2.0]))
    assert w[0] > 0.999
    half = np.stack([np.where(np.arange(30) < 15, -1.0, -5.0), np.where(np.arange(30) < 15, -5.0, -1.0)])
    assert stacking(half) == pytest.approx([0.5, 0.5], abs=0.02)


def test_priors_are_shared_and_must_sum() -> None:
    count = len(hypotheses())
    assert prior_weights(None)["opioid-gate"] == pytest.approx(1 / count)
    found = prior_weights({"expectancy-only": 0.5})
    assert found["expectancy-only"] == 0.5 and sum(found.values()) == pytest.approx(1.0)
    with pytest.raises(UsageError, match=r"sums to 1\.2"):
        prior_weights({"expectancy-only": 0.6, "opioid-gate": 0.6})
    with pytest.raises(UsageError, match="sums to"):
        prior_weights(dict.fromkeys(hypotheses(), 0.01))
    with pytest.raises(UsageError, match="between 0 and 1"):
        prior_weights({"expectancy-only": -0.1})
    with pytest.raises(UsageError, match="expectancy-only"):
        prior_weights({"expectancy": 0.5})


def test_groups_link_pairs_and_keep_expectancy_apart() -> None:
    names = ("expectancy-only", "disinhibition", "opioid-gate", "block-at-rest")
    known = {n: hypothesis(n) for n in names}
    pairs = [
        Pair("expectancy-only", "disinhibition", 0.1, 1.0),
        Pair("disinhibition", "opioid-gate", 1.0, 1.0),
        Pair("opioid-gate", "block-at-rest", 5.0, 1.0),
        Pair("disinhibition", "block-at-rest", 4.0, 1.0),
        Pair("expectancy-only", "opioid-gate", 0.0, 1.0),
    ]
    assert set(shared_groups(pairs, known)) == {
        ("expectancy-only",),
        ("disinhibition", "opioid-gate"),
        ("block-at-rest",),
    }


def test_a_group_holds_no_pair_that_is_told_apart() -> None:
    """A chain of near pairs is no group: the ends of it are told apart."""
    names = ("disinhibition", "opioid-gate", "block-at-rest")
    known = {name: hypotheses()[name] for name in names}
    pairs = (Pair(names[0], names[1], 0.2, 1.0), Pair(names[1], names[2], 1.9, 1.0), Pair(names[0], names[2], 3.0, 1.0))
    assert set(shared_groups(pairs, known)) == {("disinhibition", "opioid-gate"), ("block-at-rest",)}


def made(found: str | float, species: str = "mouse", se: float = float("nan")) -> Finding:
    """A finding of an experiment."""
    entry = Published("x", "madrs.effect", "24 h", "a", found, species, ("GC033",), versus="b", se=se)
    return Finding(experiments()["ampa-block"], entry, "Nobody")


def test_findings_prefer_the_outcome_that_was_seen() -> None:
    at = np.array([0.0, 0.5, 1.0])
    gone, kept = made("gone").log_score(at), made("kept").log_score(at)
    assert gone[0] > gone[1] > gone[2] and kept[2] > kept[1] > kept[0]
    assert np.all(np.diff(made("weaker").log_score(at)) < 0) and np.all(np.diff(made("works").log_score(at)) > 0)
    x = made(0.13, "human", 0.054).log_score(np.array([0.13, 0.0]))
    assert x[0] > x[1]


def test_no_prediction_is_neither_gain_nor_ruin() -> None:
    for word in ("gone", "weaker"):
        silent = float(made(word).log_score(np.array([np.nan]))[0])
        right, wrong = made(word).log_score(np.array([0.0, 1.5]))
        assert wrong < silent < right
    # the worst that one animal finding can do is bounded by the chance that it says nothing about people
    assert float(made("gone").log_score(np.array([50.0]))[0]) == pytest.approx(
        math.log(number("finding_irrelevant") / number("finding_range"))
    )


def test_a_missing_calibration_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from ketasim.evidence.weigh import calibrated as module

    module.calibrated.cache_clear()
    monkeypatch.setattr(module, "posterior_path", lambda name: tmp_path / f"{name}.json")
    with pytest.raises(KetasimError, match="weigh_fit opioid-gate"):
        module.calibrated("opioid-gate")
    module.calibrated.cache_clear()


def test_a_study_with_mood_and_a_finding_is_one_study() -> None:
    findings = finding_sets()
    both = findings.names[0]
    names = ("first", both, *findings.names[1:])
    human, told = np.array([[1.0, 2.0]]), np.arange(1.0, len(findings.names) + 1.0)[None, :]
    found = joined(names, human, findings, told)
    assert found[0, :3].tolist() == [1.0, 2.0 + 1.0, 2.0] and found.shape == (1, len(names))
    assert found.sum() == human.sum() + told.sum()


def test_every_study_is_weighed_once() -> None:
    names = judge(hypothesis("opioid-gate")).names
    assert len(names) == len(set(names)) and "Jelen2025" in names
    assert judge(hypothesis("opioid-gate")).groups()["Jelen2025"] == "co-medication"
