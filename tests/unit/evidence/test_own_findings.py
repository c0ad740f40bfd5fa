"""Findings of one's own in the weighing: the arithmetic against a numerical integral, every finding counted or refused, every problem of a file at once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ketasim.chain.hypothesis import hypothesis
from ketasim.core import KetasimError, UsageError
from ketasim.evidence.weigh import weighing
from ketasim.evidence.weigh.findings import FindingSet
from ketasim.evidence.weigh.own_findings import Added, added, together, told_of
from ketasim.evidence.weigh.weighing import Calibrated, calibrated, with_findings
from ketasim.exchange.templates import new
from ketasim.report.weigh_text import weigh_text

pytestmark = pytest.mark.xdist_group("weigh")

Y = np.array([0.4, 1.1, -0.2])
ROW = '{ says = "a", output = "glutamate", look = "peak", arm = "k", found = 1.4, se = 0.2, species = "human" }'
HEAD = '[probe]\ntitle = "t"\nsource = "s"\narms.k = { words = "ketamine iv 0.5 mg/kg over 40 min" }\n'


def gaussian(name: str = "opioid-gate", draws: int = 40000) -> Calibrated:
    """One free value z ~ N(0, 1), three studies y_s ~ N(z, 0.8^2), drawn from N(0, 1.2^2)."""
    z = 1.2 * np.random.default_rng(3).normal(size=draws)
    ratio = norm.logpdf(z) - norm.logpdf(z, 0, 1.2)
    scores = norm.logpdf(Y[None, :], z[:, None], 0.8)
    names = ("s0", "s1", "s2")
    groups = dict.fromkeys(names, "single IV")
    held = np.zeros((draws, 0))
    return Calibrated(hypothesis(name), names, groups, ratio, scores, z[:, None], (), held, {}, {}, 0.0, {})


def file(folder: Path, text: str, name: str = "probe.toml") -> Path:
    place = folder / name
    place.write_text(text, encoding="utf-8")
    return place


def as_z(findings: FindingSet, entry: object, z: np.ndarray, centre: np.ndarray) -> Added:
    """A model whose outcome is 1 + z / 2 for every finding."""
    count = len(findings.findings)
    outcome = np.repeat(1.0 + 0.5 * z[:, :1], count, axis=1)
    return Added(findings, outcome, np.ones(count), np.full((count, 1), 0.5))


def test_the_evidence_with_a_finding_is_the_integral(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing, "added", as_z)
    told = told_of([file(tmp_path, f"{HEAD}published = [{ROW}]")])
    (with_it,), (own,) = with_findings([gaussian()], told)
    assert own.counted and own.reason == ""
    whole, se, _ = with_it.log_evidence(np.ones(4, dtype=bool))

    def density(z: float) -> float:
        seen = float(told[0].finding.log_score(np.array([1.0 + 0.5 * z]))[0])
        return float(norm.pdf(z) * np.exp(norm.logpdf(Y, z, 0.8).sum() + seen))

    exact = math.log(quad(density, -8, 8)[0])
    assert whole == pytest.approx(exact, abs=4 * se)
    without = gaussian().log_evidence(np.ones(3, dtype=bool))[0]
    assert with_it.leave_one_out(np.ones(4, dtype=bool))[3] == pytest.approx(exact - without, abs=0.02)
    assert with_it.log_evidence(np.array([True, True, True, False]))[0] == pytest.approx(without)


def test_the_linear_form_scores_a_finding_like_the_draws_do(tmp_path: Path) -> None:
    told = told_of([file(tmp_path, f"{HEAD}published = [{ROW}]")])
    own = as_z(FindingSet((told[0].finding,)), None, np.array([[0.3], [-1.0]]), np.zeros(1))
    np.testing.assert_allclose(own.scores(), own.linear_scores(np.array([[0.3], [-1.0]])))
    both = together([own, own])
    assert len(both.findings.findings) == 2 and both.slopes.shape == (2, 1)


def test_every_finding_is_counted_or_refused_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def some(findings: FindingSet, entry: object, z: np.ndarray, centre: np.ndarray) -> Added:
        made = as_z(findings, entry, z, centre)
        if findings.findings[0].study == "broken":
            raise KetasimError("the step is too small")
        if findings.findings[0].study == "silent":
            made.outcomes[:] = np.nan
        return made

    monkeypatch.setattr(weighing, "added", some)
    mouse = ROW.replace("human", "mouse")
    studies = {
        "probe": ROW,
        "s1": ROW,
        "memory": ROW.replace("}", ", seen = false }"),
        "kept": ROW,
        "mice": mouse,
        "left": ROW,
        "silent": ROW,
        "broken": ROW,
    }
    text = "\n".join(
        HEAD.replace("[probe]", f"[{name}]").replace(
            'source = "s"', 'source = "s"\nrole = "validate"' if name == "kept" else 'source = "s"'
        )
        + f"published = [{row}]"
        for name, row in studies.items()
    )
    told = told_of([file(tmp_path, text)])
    (found,), own = with_findings([gaussian()], told, animals=False, without=("left",))
    assert [f.study for f in own] == list(studies)
    assert {f.study for f in own if f.counted} == {"probe"} == set(found.names) - {"s0", "s1", "s2"}
    reasons = {f.study: f.reason for f in own}
    for study, word in (
        ("s1", "weighed already"),
        ("memory", "not seen"),
        ("kept", "validate"),
        ("mice", "--no-animals"),
        ("left", "--without left"),
        ("silent", "no hypothesis has a prediction"),
        ("broken", "the step is too small"),
    ):
        assert word in reasons[study], study


def test_all_problems_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    row = (
        ROW.replace("glutamate", "glutamat")
        .replace(", se = 0.2", "")
        .replace("human", "cat")
        .replace('"peak"', '"noon"')
    )
    text = HEAD.replace('source = "s"\n', "").replace("words", "word") + f"published = [{row}]\n"
    second = '[other]\ntitle = "t"\nsource = "s"\nrole = "proof"\nsize = 3\narms.k = { words = "ketamin iv 1 mg" }\npublished = [{ says = "b" }]\n'
    third = HEAD.replace("[probe]", "[third]") + f"published = [{row}]\n"
    fourth = HEAD.replace("[probe]", "[fourth]").replace("ketamine", "ketamin") + f"published = [{ROW}]\n"
    with pytest.raises(UsageError) as caught:
        told_of([file(tmp_path, text + second + third + fourth)])
    for word in (
        "source",
        "unknown role 'proof'",
        "'size'",
        "glutamate",
        "standard error",
        "'cat'",
        "noon",
        "'ketamin'",
    ):
        assert word in str(caught.value), word


def test_two_studies_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [file(tmp_path, f"{HEAD}published = [{ROW}]", name) for name in ("a.toml", "b.toml")]
    with pytest.raises(UsageError, match="already"):
        told_of(files)
    assert len(told_of([files[0], files[0]])) == 1


def test_the_template_weighs_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Integrated, not faked, for two hypotheses: a gate closed by naltrexone halves the rise, kappa relief does not need it."""
    few = {name: calibrated(name) for name in ("opioid-gate", "kappa-relief")}
    monkeypatch.setattr(weighing, "calibrated", few.__getitem__)
    monkeypatch.setattr(weighing, "comparable", lambda: tuple(few))
    (written,), _ = new("finding", "probe_one", tmp_path)
    before, after = weighing.weigh(), weighing.weigh(findings=[written])
    (own,) = after.own
    assert own.counted and own.predicted["opioid-gate"] < 0.9 < own.predicted["kappa-relief"]
    assert after.row("opioid-gate").weight > before.row("opioid-gate").weight
    assert set(after.studies) - set(before.studies) == {"probe_one"}
    assert "1 counted, 0 refused" in weigh_text(after)
    (dropped,) = weighing.weigh(findings=[written], without=["probe_one"]).own
    assert not dropped.counted and "--without probe_one" in dropped.reason


def test_predictions_at_the_draws_and_along_the_line_agree(tmp_path: Path) -> None:
    """The slopes are those of the model: a step half as long as that of the differences is met."""
    (written,), _ = new("finding", "probe_one", tmp_path)
    findings = FindingSet(tuple(t.finding for t in told_of([written])))
    entry = calibrated("opioid-gate").entry
    centre = calibrated("opioid-gate").centre
    gate = entry.free_keys.index("opioid_gate_weight")
    near = centre + 0.15 * np.eye(len(centre))[gate]
    own = added(findings, entry, near[None, :], centre)
    assert own.slopes[0, gate] != 0
    assert own.outcomes[0, 0] == pytest.approx(own.at_centre[0] + 0.15 * own.slopes[0, gate], abs=0.005)
