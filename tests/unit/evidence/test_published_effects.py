"""What a study's declared fields do to its prediction: size, masking, age, pools, routine care; guesses of treatment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.evidence.arms.context import Context
from ketasim.evidence.arms.mood_arm import StudyEffects
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quantities import predict_row
from ketasim.evidence.compare.likelihood import StudyBlock, observed, taus_of
from ketasim.evidence.published.studies import studies


def test_small_blinded_trials_are_published_with_larger_drug_effects() -> None:
    """-gamma per tenfold number of people on the logarithm of the drug part; nothing where nobody is blinded or the size is that of the reference."""
    study = replace(studies()["Daly2018"], n=20.0)
    numbers = Numbers({"small_study_drug": 0.5, "small_study_reference": 200.0, "small_study_placebo": 0.0})
    assert Context(study, numbers).published.drug == pytest.approx(0.5)
    assert Context(replace(study, n=200.0), numbers).published.drug == pytest.approx(0.0)
    assert Context(replace(study, blinding="open"), numbers).published == StudyEffects()
    pool = replace(study, n=180.0, design="meta_analysis", pooled_trials=9.0)
    assert Context(pool, numbers).published.drug == pytest.approx(0.5)  # nine trials of twenty
    assert Context(study, Numbers({"small_study_drug": 0.0})).published.drug == 0.0
    # what the study's own effects are is added, not replaced
    assert Context(study, numbers, StudyEffects(drug=0.2)).published.drug == pytest.approx(0.7)


def test_under_anaesthesia_both_arms_believe_their_allocation() -> None:
    study = studies()["Lii2023"]
    context = Context(study, Numbers())
    allocation = context.numbers("belief_allocation")
    for key in ("ketamine", "saline"):
        after = context.course(key).times >= 0
        assert np.allclose(context.believed(key)[:, after], allocation)
    unmasked = replace(study, arms={k: replace(a, masked=False) for k, a in study.arms.items()})
    seen = Context(unmasked, Numbers())
    late = seen.course("ketamine").index(24.0)
    assert seen.believed("ketamine")[:, late].mean() > allocation + 0.2  # who feels the drug knows
    # the placebo arm of a trial in which nobody can tell improves more than one that knows
    assert context.mood("saline").moments(24.0)[0] < seen.mood("saline").moments(24.0)[0]


def test_a_guess_is_the_belief_of_the_arm_and_its_complement_in_the_comparator() -> None:
    study = studies()["Janik2025"]
    context = Context(study, Numbers())
    rows = {r.arm: r for r in study.rows if r.endpoint == "belief"}
    drug, placebo = rows["e84"], rows["placebo"]
    b = {k: context.believed(k)[:, context.course(k).index(648.0)].mean() for k in rows}
    assert predict_row(context, drug) == pytest.approx(b["e84"])
    assert predict_row(context, placebo) == pytest.approx(1.0 - b["placebo"])
    assert predict_row(context, replace(placebo, statistic="guess_drug")) == pytest.approx(b["placebo"])
    assert b["placebo"] < b["e56"] < b["e84"] < 1.0  # more is felt of more
    pooled = next(r for r in studies()["Lii2023"].rows if r.endpoint == "belief")
    assert predict_row(Context(studies()["Lii2023"], Numbers()), pooled) == pytest.approx(0.5)


def test_age_is_that_of_the_arms_own_people_whoever_was_predicted_before() -> None:
    """The numbers of the setting are shared between studies; the factor of age is not (it was, and age did nothing in the fit)."""
    numbers = Numbers({"age_decline": 1.0})
    shared: dict = {}
    young = Context(studies()["Daly2018"], numbers, shared=shared).mood("placebo").p["age_factor"]
    old = Context(studies()["OchsRoss2020"], numbers, shared=shared).mood("placebo").p["age_factor"]
    assert young.mean() > 0.9 > 0.6 > old.mean()
    alone = Context(studies()["OchsRoss2020"], numbers).mood("placebo").p["age_factor"]
    assert np.array_equal(old, alone)


def test_trials_of_a_pool_share_a_part_of_what_sets_them_apart() -> None:
    """Variance of a pool of nine: s + (1 - s) / 9 of that of one trial."""
    study = studies()["Han2016"]
    rows = tuple(observed(study, r) for r in study.predicted)
    count = len(rows)
    slopes = {key: np.zeros(count) for key in ("late", "felt", "vital")}
    slopes |= {"setting": np.ones(count), "drug": np.ones(count)}
    taus = taus_of({"pool_share": 0.4})
    pool = StudyBlock(study, rows).between(slopes, taus)
    single = StudyBlock(replace(study, design="parallel"), rows).between(slopes, taus)
    assert pool == pytest.approx(single * (0.4 + 0.6 / 9.0))
    assert np.linalg.eigvalsh(pool).min() > 0


def test_ordinary_practice_has_a_spread_of_its_own() -> None:
    study = studies()["McInnes2022"]
    rows = tuple(observed(study, r) for r in study.predicted)
    count = len(rows)
    slopes = {key: np.zeros(count) for key in ("late", "drug", "felt", "vital")} | {"setting": np.ones(count)}
    calm, wide = (StudyBlock(study, rows).between(slopes, taus_of({"tau_routine": t})) for t in (1e-3, 0.3))
    # second-hand rows are widened alike
    assert (np.diag(wide) - np.diag(calm) >= 0.3**2 - 1e-5).all()
    trial = replace(study, arms={k: replace(a, setting="open") for k, a in study.arms.items()})
    assert StudyBlock(trial, rows).between(slopes, taus_of({"tau_routine": 0.3})) == pytest.approx(calm, rel=1e-3)
