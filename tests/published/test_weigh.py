"""The shipped calibrations weighed: what must hold whatever the figures are."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.chain.hypothesis import hypotheses
from ketasim.core import UsageError
from ketasim.evidence.published.studies import roles
from ketasim.evidence.weigh.findings import finding_sets
from ketasim.evidence.weigh.weighing import ANIMAL, Weighing, calibrated, weigh

pytestmark = pytest.mark.xdist_group("weigh")

NALTREXONE = ("Williams2018", "Jelen2025")


@pytest.fixture(scope="module")
def real() -> Weighing:
    return weigh()


def test_only_studies_of_role_fit_are_weighed(real: Weighing) -> None:
    assert {roles()[name]["role"] for name in real.studies} == {"fit"}
    assert all(f.published.role == "fit" and not f.published.memory for f in finding_sets().findings)
    assert not set(real.studies) & {*real.held_names, *real.held_left_out}


def test_without_held_out_studies_leaving_each_out_takes_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Round 2 holds nothing out: a calibration without held-out studies weighs, and the text says what stands in the last column."""
    from dataclasses import replace

    from ketasim.evidence.weigh import weighing
    from ketasim.report.weigh_text import weigh_text

    plain = weighing.calibrated

    def without(name: str) -> weighing.Calibrated:
        found = plain(name)
        return replace(found, held_names=(), held=np.zeros((len(found.held), 0)))

    monkeypatch.setattr(weighing, "calibrated", without)
    found = weigh()
    assert found.held_names == () and sum(r.weight for r in found.rows) == pytest.approx(1.0)
    assert all(np.isfinite(r.loo) for r in found.rows)
    assert "no study is held out in this round" in weigh_text(found)


ROUGH = "lateral-habenula"  # importance sampling of it rests on two draws of 768 and stands 3 above Laplace; 38 or more below the best by either


def test_every_hypothesis_is_in_the_table_with_its_error(real: Weighing) -> None:
    assert {r.entry.id for r in real.rows} | set(real.not_weighed) == set(hypotheses())
    assert sum(r.weight for r in real.rows) == pytest.approx(1.0) and sum(
        r.stacking for r in real.rows
    ) == pytest.approx(1.0)
    best = max(r.log_evidence for r in real.rows)
    for r in real.rows:
        laplace = calibrated(r.entry.id).laplace
        assert 0 < r.log_evidence_se < 1.0 and np.isfinite(r.held_out), r.entry.id
        if r.entry.id == ROUGH:  # both ways say the same of it
            assert max(r.log_evidence, laplace) < best - 30.0
        else:
            assert r.effective > 2 and abs(r.log_evidence - laplace) < 3.0, r.entry.id


def test_nothing_is_integrated(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("integrated")

    monkeypatch.setattr("ketasim.engine.run.model.Model.simulate", never)
    weigh(without=NALTREXONE)


def test_without_the_naltrexone_trials_the_opioid_gate_loses_against_no_gate(real: Weighing) -> None:
    less = weigh(without=NALTREXONE)
    before, after = (w.row("opioid-gate").log_evidence - w.row("disinhibition").log_evidence for w in (real, less))
    assert before > after
    names = [s.study for s in real.swings]
    assert min(names.index(n) for n in NALTREXONE) < len(names) / 2


def test_expectancy_is_not_ruled_out_by_fiat(real: Weighing) -> None:
    if "expectancy-only" in real.not_weighed:
        pytest.skip("expectancy-only has no calibration on the present evidence")
    row = real.row("expectancy-only")
    without = weigh(animals=False)
    animals = [n for n in real.studies if real.study_group[n] == ANIMAL]
    flat = finding_sets().score(np.full((1, len(finding_sets().findings)), np.nan))[0]
    for name, score in zip(finding_sets().names, flat, strict=True):
        if name in animals:
            assert row.by_study[name] == pytest.approx(score, abs=1e-6)
    assert not set(animals) & set(without.studies)
    assert weigh({"expectancy-only": 1.0}).row("expectancy-only").weight == pytest.approx(1.0)


def test_a_prior_moves_weights_and_not_evidence(real: Weighing) -> None:
    other = weigh({"block-at-rest": 0.6})
    assert other.row("block-at-rest").weight > real.row("block-at-rest").weight
    assert other.row("block-at-rest").log_evidence == real.row("block-at-rest").log_evidence


def test_unknown_studies_teach() -> None:
    with pytest.raises(UsageError, match="Jelen2025"):
        weigh(without=("Jelen",))


def test_json_is_what_the_issue_asks(real: Weighing) -> None:
    table = real.to_dict()
    assert {"id", "variants", "free", "log_evidence", "log_evidence_se", "stacking", "held_out"} <= set(
        table["hypotheses"][0]
    )
    assert table["swings"] and table["pairs"] and table["groups"]


def test_every_group_of_evidence_is_left_out_once(real: Weighing) -> None:
    """The line of a group is what `weigh` says when its studies are named one by one."""
    assert {g.group for g in real.group_swings} == {real.study_group[n] for n in real.studies}
    assert sorted(n for g in real.group_swings for n in g.studies) == sorted(real.studies)
    one = real.group_swings[0]
    alone = weigh(without=one.studies)
    assert {r.entry.id: r.weight for r in alone.rows} == pytest.approx(dict(one.weights))
    assert alone.groups == one.groups
