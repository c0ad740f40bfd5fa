"""Analyses as words of a design file: each is the function of `trial.analyse` on the same people, looks and re-estimated sizes stop as their bounds say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm

from ketasim.core import UsageError, value
from ketasim.trial.analyse import (
    bounds,
    cause_specific,
    cox,
    incidence_difference,
    logistic,
    multiple_imputation,
    proportions,
    restricted_mean,
    stagewise_p,
    t_test,
)
from ketasim.trial.between import drug_size, felt_size, setting_shift, shift_at
from ketasim.trial.design import Design, Dropout
from ketasim.trial.draws import Draws
from ketasim.trial.methods import achieved, analyse, relapse
from ketasim.trial.plan import METHODS
from ketasim.trial.read import design_from_text
from ketasim.trial.replicate import Replicates
from ketasim.trial.simulate import Trial
from ketasim.trial.stopping import outcome_of

pytestmark = pytest.mark.xdist_group("trial")

TEXT = """
title = "Two arms"
setting = "nasal-placebo"
visits = ["24 h", "8 d"]
n = 40
hypotheses = ["disinhibition"]
[arms.placebo]
words = "placebo nasal"
repeat = "twice weekly x 2"
[arms.esketamine]
words = "esketamine nasal 84 mg"
repeat = "twice weekly x 2"
[dropout]
per_week = 0.3
"""
WITHDRAWAL = (
    TEXT.replace("n = 40", 'n = 40\ndesign = "withdrawal"').replace('"8 d"]', '"8 d", "15 d", "22 d"]')
    + """
[withdrawal]
at = "24 h"
stable = "change_percent <= -10"
[endpoint]
measure = "relapse"
cut = 30
"""
)


def read(text: str, tables: str) -> Design:
    return design_from_text(text + tables)


@pytest.fixture(scope="module")
def made() -> Trial:
    return Trial(read(TEXT, ""), seed=2, count=2, people=32)


@pytest.fixture(scope="module")
def withdrawn() -> tuple[Design, Replicates]:
    design = read(WITHDRAWAL, "")
    return design, Trial(design, seed=2, count=1, people=32).replicates(6, 40)


def told(words: str, measure: str = "change") -> Design:
    return read(TEXT, f'[endpoint]\nmeasure = "{measure}"\n[analysis]\n{words}\n')


@pytest.mark.parametrize("strategy", ["mar", "jump-to-reference", "copy-reference", "copy-increments"])
def test_imputation_is_that_of_the_function(made: Trial, strategy: str) -> None:
    design = told(f'method = "imputation"\nimputation = "{strategy}"\nimputations = 4\nshift = 2.0')
    found = made.replicates(4, 40)
    outcome = analyse(design, found, 40)
    extra = found.covariates["baseline"][..., None]
    direct = multiple_imputation(found.change, found.arm, extra, strategy=strategy, imputations=4, seed=1, shift=2.0)
    np.testing.assert_array_equal(outcome.estimate, direct.estimate)
    np.testing.assert_array_equal(outcome.p, direct.p)
    assert "+2 points after leaving" in outcome.estimand and "Population: all randomised people" in outcome.estimand


def test_a_replicate_is_imputed_alike_alone_and_among_others(made: Trial) -> None:
    design = told('method = "imputation"\nimputation = "jump-to-reference"\nimputations = 3')
    many, alone = analyse(design, made.replicates(4, 40), 40), analyse(design, made.replicate(3), 40)
    np.testing.assert_allclose(many.estimate[3], alone.estimate[0], rtol=1e-9)


def test_the_reference_arm_is_the_one_that_is_copied() -> None:
    """Three arms, noise of 1 around 0, 10 and 30; everybody of arm 2 leaves after the first visit of two. Jump to arm 1 puts them at 10, to arm 0 at 0."""
    random = np.random.default_rng(5)
    arm = np.repeat([0, 1, 2], 60)
    scores = random.normal(size=(2, 180, 2)) + np.array([0.0, 10.0, 30.0])[arm][None, :, None]
    scores[:, np.flatnonzero(arm == 2)[3:], 1] = np.nan
    to_one = multiple_imputation(scores, arm, strategy="jump-to-reference", imputations=5, reference=1)
    to_none = multiple_imputation(scores, arm, strategy="jump-to-reference", imputations=5)
    assert to_one.estimate[:, 1] == pytest.approx([11.0, 11.0], abs=0.8)  # (57 x 10 + 3 x 30) / 60 = 11
    assert to_none.estimate[:, 1] == pytest.approx([1.5, 1.5], abs=0.8)
    with pytest.raises(UsageError, match="reference arm 3 of 3"):
        multiple_imputation(scores, arm, reference=3)


def test_shares_are_those_of_the_functions(made: Trial) -> None:
    found = made.replicates(6, 40)
    seen = found.seen[..., 1]
    met = np.where(seen, found.score[..., 1] <= 0.5 * found.baseline, np.nan)
    for words, direct in (
        ('method = "proportions"', proportions(met, found.arm)),
        ('method = "proportions"\nmissing = "left out"', proportions(met, found.arm, missing="left out")),
        ('method = "logistic"', logistic(met, found.arm, found.covariates["baseline"][..., None])),
    ):
        outcome = analyse(told(words, "response"), found, 40)
        np.testing.assert_array_equal(outcome.estimate, direct.estimate)
        np.testing.assert_array_equal(outcome.low, direct.low)
        assert outcome.scale == direct.scale and direct.analysis.estimand.summary in outcome.estimand


def test_times_are_those_of_the_functions(withdrawn: tuple[Design, Replicates]) -> None:
    base, found = withdrawn
    time, kind = relapse(base, found)
    assert set(np.unique(kind)) == {0, 1, 2}
    horizon = (22 - 1) * 24.0
    assert (time[kind == 0] <= horizon).all()
    event = (kind == 1).astype(float)
    pairs = {
        "cox": cox(time, event, found.arm),
        "rmst": restricted_mean(time / 24.0, event, found.arm, 21.0),
        "cumulative-incidence": incidence_difference(time, kind, found.arm, horizon),
        "cause-specific": cause_specific(time, kind, found.arm),
    }
    for name, direct in pairs.items():
        outcome = analyse(replace(base, analysis=replace(base.analysis, method=name)), found, 40)
        np.testing.assert_array_equal(outcome.estimate, direct.estimate)
        assert "had responded and were then randomised" in outcome.estimand, name
    shorter = read(WITHDRAWAL, '[analysis]\nmethod = "rmst"\nhorizon = "7 d"\n')
    np.testing.assert_array_equal(
        analyse(shorter, found, 40).estimate, restricted_mean(time / 24.0, event, found.arm, 7.0).estimate
    )


def test_relapses_after_the_endpoint_are_not_counted(withdrawn: tuple[Design, Replicates]) -> None:
    base, found = withdrawn
    early = replace(base, endpoint=replace(base.endpoint, at_h=8 * 24.0))
    time, kind = relapse(early, found)
    assert time.max() <= 7 * 24.0 and (kind == 1).sum() < (relapse(base, found)[1] == 1).sum()


def made_up(effect: float, replicates: int, n: int, seed: int) -> Replicates:
    """Change ~ Normal(effect in arm 1, 1) at one visit, no mechanism behind it."""
    random = np.random.default_rng(seed)
    arm = np.broadcast_to(np.arange(n) % 2, (replicates, n)).astype(np.int64)
    score = random.normal(size=(replicates, n, 1)) + effect * arm[..., None] + 30.0
    zero, whole = np.zeros((replicates, n)), np.zeros((replicates, n), dtype=np.int64)
    return Replicates(
        tuple(range(replicates)),
        arm,
        whole,
        whole,
        zero + 30.0,
        score,
        np.ones(score.shape, dtype=bool),
        whole + 1,
        zero > 0,
        score * 0,
        score * 0,
        {"baseline": zero + 30.0},
        np.full(replicates, n),
        np.zeros((replicates, n, 0)),
    )


def single(tables: str) -> Design:
    text = TEXT.replace('visits = ["24 h", "8 d"]', 'visits = ["24 h"]').replace("n = 40", "n = 210")
    return design_from_text(text + '[analysis]\nmethod = "t-test"\n' + tables)


def test_three_looks_have_the_power_of_rpact() -> None:
    """rpact getPowerMeans, asOF, three looks, n 210, d 0.4: 0.817753 (tests/crosscheck/trial/oracles.R); null 0.05."""
    design = single("looks = 3\n")
    for effect, expected in ((-0.4, 0.817753), (0.0, 0.05)):
        outcome = outcome_of(design, made_up(effect, 4000, 210, 11), 210)
        won = float((outcome.p[:, 0] < 0.05).mean())
        assert abs(won - expected) < 3 * np.sqrt(expected * (1 - expected) / 4000), (effect, won)
    rows = outcome.detail["esketamine"]["looks"]
    assert [row["n"] for row in rows] == [70, 140, 210]
    assert sum(row["efficacy"] + row["against"] for row in rows) == pytest.approx(won)
    assert rows[0]["upper"] == pytest.approx(3.710303, abs=1e-5)  # rpact, asOF, three looks, 2.5 % a side


def test_a_stop_saves_people_and_overstates() -> None:
    outcome = outcome_of(single('looks = [0.5, 1.0]\nspending = "pocock"\n'), made_up(-0.4, 2000, 210, 12), 210)
    detail = outcome.detail["esketamine"]
    first, last = detail["looks"]
    assert detail["mean_n"] == pytest.approx(105 * first["efficacy"] + 210 * (1 - first["efficacy"]), abs=0.5)
    assert outcome.estimate.mean() < -0.4 - 0.01  # an early stop happens where the estimate is far from 0
    assert "not corrected for the stop" in outcome.estimand and last["reached"] == pytest.approx(1 - first["efficacy"])


def test_futility_ends_trials_without_effect_and_never_rejects_there() -> None:
    design = single("looks = [0.5, 1.0]\nfutility = [0.0]\n")
    outcome = outcome_of(design, made_up(0.0, 2000, 210, 13), 210)
    first = outcome.detail["esketamine"]["looks"][0]
    assert abs(first["futility"] - 0.5) < 4 * np.sqrt(0.25 / 2000)  # z below 0 half of the time
    rejected = int((outcome.p[:, 0] < 0.05).sum())  # one side at 2.5 %, less what futility takes
    assert binom.cdf(rejected, 2000, 0.025) < 1 - 1e-4


def test_stagewise_p_is_uniform_and_meets_the_level_at_the_bound() -> None:
    design = bounds([0.4, 1.0], "spend-pocock")
    at_bound = stagewise_p(design.upper, [0, 1], design)
    one_side = 0.025 * np.log1p((np.e - 1) * 0.4)
    assert at_bound == pytest.approx([2 * one_side, 0.05], abs=1e-5)
    random = np.random.default_rng(3)
    first = random.normal(size=40_000)
    last = np.sqrt(0.4) * first + np.sqrt(0.6) * random.normal(size=40_000)
    stopped = np.abs(first) >= design.upper[0]
    p = stagewise_p(np.where(stopped, first, last), np.where(stopped, 0, 1), design)
    for level in (0.02, 0.05, 0.3):
        assert abs((p < level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 40_000)


def test_the_promising_zone_keeps_the_error_and_raises_the_power() -> None:
    tables = '[reestimation]\nkind = "promising"\nat = 0.5\nmost = 2.0\n'
    design, plain = single(tables), single("")
    null = outcome_of(design, made_up(0.0, 3000, 420, 14), 210)
    rejected = float((null.p[:, 0] < 0.05).mean())
    assert abs(rejected - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / 3000)
    people = made_up(-0.3, 2000, 420, 15)
    grown, kept = outcome_of(design, people, 210), outcome_of(plain, people, 210)
    detail = grown.detail["esketamine"]
    assert 210 < detail["mean_n"] < 420 and 0 < detail["raised"] < 1 and detail["high_n"] <= 420
    assert (grown.p[:, 0] < 0.05).mean() > (kept.p[:, 0] < 0.05).mean() + 0.02
    assert "planned weights" in grown.estimand


def test_a_blinded_look_grows_with_the_spread() -> None:
    """Planned for SD 1, d 0.4: 200 people for 80 % (rpact); with SD 1.3 the formula asks for 1.69 times as many."""
    text = '[reestimation]\nkind = "blinded"\nat = 0.5\neffect = 0.4\nmost = 2.5\n'
    people = made_up(0.0, 50, 525, 16)
    wide = replace(people, score=30.0 + 1.3 * (people.score - 30.0))
    wide_n = outcome_of(single(text), wide, 210).detail["esketamine"]["mean_n"]
    assert wide_n == pytest.approx(1.69 * 198, rel=0.06)
    assert outcome_of(single(text), people, 210).detail["esketamine"]["mean_n"] < 225


def test_json_names_method_estimand_and_what_it_was_told(made: Trial) -> None:
    design = told('method = "imputation"\nimputation = "copy-increments"\nimputations = 2\nlooks = 2')
    found = json.loads(Trial(design, 2, count=2, people=32, pools=made.pools).run([40], 4).to_json())
    details = found["analysis_details"]
    assert found["analysis"] == "imputation" and details["imputation"] == "copy-increments"
    assert details["reference"] == "placebo" and details["looks"]["fractions"] == [0.5, 1.0]
    assert found["stopping"][0]["n"] == 40 and set(found["stopping"][0]["arms"]) == {"esketamine"}
    assert "keeps the gain so far" in found["estimand"] and "Looks when 20, 40 people" in found["estimand"]
    assert found["contrast"]["trial_low"] < found["contrast"]["mean"] < found["contrast"]["trial_high"]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ('[analysis]\nmethod = "mmrm"\nimputation = "mar"', "mmrm has no imputation"),
        ('[analysis]\nmethod = "imputation"\nimputation = "jump"', "jump-to-reference"),
        ('[analysis]\nmethod = "rmst"', "unknown method 'rmst'"),
        ("[analysis]\nlooks = [0.5, 0.4, 1.0]", "rising shares"),
        ("[analysis]\nlooks = 1", "looks cannot be 1"),
        ("[analysis]\nlooks = true", "looks are a number or rising shares"),
        ("[analysis]\nlooks = 2\nfutility = [0.0, 0.1]", "2 futility bounds for 2 looks"),
        ('[analysis]\nspending = "pocock"', "spending without looks"),
        ('[analysis]\nlooks = 2\nspending = "pocok"', "unknown spending 'pocok'"),
        ('[analysis]\nlooks = 2\n[reestimation]\nkind = "promising"', "not worked out together"),
        ('[reestimation]\nkind = "blinded"', "says the effect that was planned for"),
        ('[reestimation]\nkind = "promising"\neffect = 4', "effect belongs to the kind blinded"),
        ('[endpoint]\nmeasure = "response"\n[reestimation]\nkind = "blinded"\neffect = 4', "needs a score"),
        ("[reestimation]\nat = 0.95", "from 0.1 to 0.9"),
        ('[endpoint]\nmeasure = "nausea"\ncut = 4', "nausea has no cut"),
        ('[analysis]\nmethod = "imputation"\nreference = "plcebo"', "unknown reference 'plcebo'"),
    ],
)
def test_wrong_words_are_told_with_their_line(tables: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(TEXT, tables + "\n")
    assert words in str(caught.value) and "design.toml:" in str(caught.value)


def test_every_method_of_every_measure_gives_an_estimand(made: Trial, withdrawn: tuple[Design, Replicates]) -> None:
    for measure, methods in METHODS.items():
        for method in methods:
            design = withdrawn[0] if measure == "relapse" else read(TEXT, f'[endpoint]\nmeasure = "{measure}"\n')
            how = replace(design.analysis, method=method, imputations=2)
            if measure == "relapse":
                outcome = analyse(replace(design, analysis=how), withdrawn[1], 40)
            else:
                trial = made.but(endpoint=design.endpoint, analysis=how)
                outcome = analyse(trial.design, trial.replicates(2, 40), 40)
            words = outcome.estimand
            assert words.startswith("Population: ") and "Intercurrent events: " in words and "{" not in words, words
            assert outcome.estimate.shape == outcome.low.shape == outcome.p.shape


def test_too_few_people_for_the_looks_are_refused(made: Trial) -> None:
    with pytest.raises(UsageError, match="too few for looks"):
        outcome_of(told("looks = 20"), made.replicates(2, 40), 40)


def test_the_drug_part_of_the_average_trial_is_that_of_the_fit() -> None:
    """The likelihood is linear in the logarithm of the factor, so its drug part is that of the average trial: mean 1, not median 1."""
    design = read(TEXT, "")
    z = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert drug_size(design, z).mean() == pytest.approx(1.0, abs=2e-3)
    assert felt_size(design, z).mean() == pytest.approx(1.0, abs=2e-3)
    for size in (drug_size, felt_size):
        assert size(replace(design, study_effects=False), z).std() == 0.0
    assert setting_shift(design, [24.0], z, z[::-1]).mean() == pytest.approx(0.0, abs=1e-9)


def test_trials_part_while_they_last() -> None:
    """At a visit the shifts of trials have the SD sqrt(tau^2 + (tau_late (1 - exp(-t / T)))^2); that of one time is the one of `shift_at`."""
    design = read(TEXT, "")
    z = norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    first, second = (part.ravel() for part in np.meshgrid(z, z))
    found = setting_shift(design, [24.0, 672.0], first, second).std(axis=0)
    tau, late, t = (value(key).value for key in ("tau_mood_setting", "tau_mood_late", "between_late_time"))
    assert found == pytest.approx(np.hypot(tau, late * (1 - np.exp(-np.array([24.0, 672.0]) / t))), rel=2e-3)
    assert found[1] > found[0]
    assert [shift_at(design, h, 1.0) for h in (24.0, 672.0)] == pytest.approx(found, rel=2e-3)
    assert shift_at(replace(design, study_effects=False), 672.0, 1.0) == 0.0


def test_trials_rate_dissociation_as_differently_as_published_ones(made: Trial) -> None:
    """Each replicate's points are those of the average trial times one number, of mean 1 over trials, up to the end of the scale."""
    felt = made.but(
        endpoint=replace(made.design.endpoint, measure="cadss"), analysis=replace(made.design.analysis, method="t-test")
    )
    average = felt.but(study_effects=False).replicates(4, 40).beside
    own = felt.replicates(4, 40).beside
    ratios = [
        np.unique(np.round(a[(b > 0) & (a < 92)] / b[(b > 0) & (a < 92)], 9)) for a, b in zip(own, average, strict=True)
    ]
    sizes = felt_size(felt.design, Draws(felt.seed, range(4), 40).single("rating of dissociation in the trial"))
    assert [one.tolist() for one in ratios] == [[pytest.approx(size, abs=1e-8)] for size in sizes] and len(
        set(sizes)
    ) == 4


def test_a_small_published_trial_is_larger_in_effect_only_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from ketasim.trial import between

    numbers = {"small_study_drug": 0.5, "small_study_placebo": 0.1, "small_study_reference": 200.0}
    numbers |= {"small_study_smallest": 8.0, "small_study_largest": 500.0, "between_late_time": 336.0}
    monkeypatch.setattr(between, "value", lambda key: SimpleNamespace(value=numbers.get(key, 0.0)))
    design = replace(read(TEXT, ""), n=20, study_effects=False)
    assert drug_size(design, 0.0) == 1.0
    asked = replace(design, small_study=True)
    assert float(drug_size(asked, 0.0)) == pytest.approx(np.exp(0.5)) and float(
        setting_shift(asked, [24.0], 0.0, 0.0)[0]
    ) == pytest.approx(-0.1)


HARMS = ("nausea", "dizziness", "sedation", "dissociation", "sbp_rise_40", "cadss_share")


def test_harms_of_a_trial_are_the_chances_of_the_pool(made: Trial) -> None:
    stayed = made.but(dropout=Dropout(), study_effects=False)
    for measure in HARMS:
        design = told('method = "proportions"', measure)
        trial = stayed.but(endpoint=design.endpoint, analysis=design.analysis)
        found = trial.replicates(40, 200)
        met = achieved(trial.design, found)
        for a in (0, 1):
            own = met[found.arm == a]
            pools = [trial.pool(w) for w in (0, 1)]
            if measure == "cadss_share":
                expected = np.mean([(p.cadss[a, :, 1] > 4.0).mean() for p in pools])
            else:
                expected = np.mean([p.reports[measure][a, :, 1].mean() for p in pools])
            assert abs(own.mean() - expected) < 4 * np.sqrt(0.25 / own.size) + 1e-9, (measure, a)
    assert made.pool(0).reports["nausea"][1, :, 1].mean() > made.pool(0).reports["nausea"][0, :, 1].mean()


def test_reports_follow_the_rule_of_the_evidence(made: Trial) -> None:
    """Placebo: the background of each session alone, 1 - (1 - b)^2 after two sessions; a report that is there stays."""
    from ketasim.core import value

    reports = made.pool(0).reports
    for name in ("nausea", "dizziness", "sedation", "dissociation"):
        b = value(f"background_{name}").value
        assert reports[name][0, :, 1] == pytest.approx(1 - (1 - b) ** 2, abs=1e-12)
        assert (np.diff(reports[name], axis=-1) >= -1e-12).all()
    rise = made.pool(0).reports["sbp_rise_40"]
    assert 0 < rise[0].mean() < rise[1].mean() < 1


def test_who_leaves_reports_only_what_was_before(made: Trial) -> None:
    design = told('method = "proportions"', "nausea")
    trial = made.but(endpoint=design.endpoint, analysis=design.analysis, dropout=Dropout(per_week=0.5))
    found = trial.replicates(10, 100)
    met = achieved(trial.design, found)
    assert (met[found.gone == 0] == 0).all()
    early = found.gone == 1
    assert early.any() and np.array_equal(met[early], found.beside[early, 0])
    assert np.isfinite(met).all()


def test_thoughts_gone_is_a_share(made: Trial) -> None:
    design = told('method = "proportions"', "ideation_remission")
    trial = made.but(endpoint=design.endpoint, analysis=design.analysis)
    found = trial.replicates(4, 40)
    seen = found.seen[..., 1]
    assert np.array_equal(achieved(trial.design, found)[seen], (found.score[..., 1] <= 1.0)[seen].astype(float))
    assert found.score.max() <= 6.0


def test_the_null_has_no_harm_beyond_chance() -> None:
    design = told('method = "t-test"', "cadss")
    null = Trial(design, seed=2, null=True, count=1, people=16)
    outcome = analyse(design, null.replicates(2, 40), 40)
    assert outcome.estimate == pytest.approx(np.zeros((2, 1))) or np.isnan(outcome.estimate).all()


def test_t_test_of_dissociation_is_the_function(made: Trial) -> None:
    design = told('method = "t-test"', "cadss")
    trial = made.but(endpoint=design.endpoint, analysis=design.analysis, dropout=Dropout())
    found = trial.replicates(4, 40)
    direct = t_test(found.beside[..., 1], found.arm)
    np.testing.assert_array_equal(analyse(trial.design, found, 40).estimate, direct.estimate)
    assert (direct.estimate > 0).all()
