"""Virtual trials: no effect where there is none, the same bits for the same seed, rules that give what they decide, JSON as agreed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from ketasim.core import UsageError, cluster
from ketasim.trial.blinding import guess_curve
from ketasim.trial.chunks import Job
from ketasim.trial.design import Dropout, Endpoint
from ketasim.trial.draws import Draws
from ketasim.trial.dropout import equation, leave, reasons
from ketasim.trial.library import entries, find_design
from ketasim.trial.power import power_of, shrunk
from ketasim.trial.read import design_from_text
from ketasim.trial.replicate import allocate, joined
from ketasim.trial.simulate import Trial, trial

pytestmark = pytest.mark.xdist_group("trial")

TEXT = """
title = "Two arms"
setting = "nasal-placebo"
visits = ["24 h", "8 d"]
n = 40
hypotheses = ["disinhibition", "opioid-gate"]
[arms.placebo]
words = "placebo nasal"
repeat = "twice weekly x 2"
[arms.esketamine]
words = "esketamine nasal 84 mg"
repeat = "twice weekly x 2"
[analysis]
method = "ancova"
"""
DESIGN = design_from_text(TEXT)


@pytest.fixture(scope="module")
def made() -> Trial:
    return Trial(DESIGN, seed=2, count=4, people=32)


@pytest.fixture(scope="module")
def null() -> Trial:
    return Trial(DESIGN, seed=2, null=True, count=4, people=32)


def test_the_json_is_as_agreed(made: Trial) -> None:
    found = json.loads(made.run([20, 40], 16).to_json())
    assert {"design", "seed", "version", "sims", "analysis", "estimand", "power", "arms", "contrast", "replay"} <= set(
        found
    )
    assert [p["n"] for p in found["power"]] == [20, 40]
    assert {"n", "power", "mc_se", "low", "high"} <= set(found["power"][0])
    assert {"day", "n", "mean_change", "sd_change", "response", "remission", "dropout"} == set(
        found["arms"][0]["visits"][0]
    )
    contrast = found["contrast"]
    assert contrast["endpoint"] == "change" and contrast["day"] == 8.0
    assert (contrast["arm"], contrast["comparator"]) == ("esketamine", "placebo")
    assert contrast["low"] <= contrast["mean"] + 1e-9 and contrast["mean"] <= contrast["high"] + 1e-9
    assert contrast["told"] is False, "four worlds are no distribution"
    assert found["replay"] is None and "SSRI" not in found["estimand"]


def test_under_the_null_nothing_is_found_more_often_than_said(null: Trial) -> None:
    result = null.run([40], 800)
    rejected = round(result.power[0].power * 800)
    assert binom.cdf(rejected, 800, 0.05) > 1e-4 and binom.sf(rejected, 800, 0.05) > 1e-4
    assert abs(result.contrast.mean) < 4 * result.contrast.mc_se
    felt = [arm.harm["cadss_peak"] for arm in result.arms]
    assert felt == [0.0, 0.0]  # no effect, felt or adverse


def test_the_dissociation_score_of_midazolam_holds_no_sedation() -> None:
    """Midazolam is felt, and people guess by it; but the CADSS that is reported of its arm is dissociation alone."""
    text = TEXT.replace('words = "placebo nasal"', 'words = "midazolam iv 0.045 mg/kg over 40 min"')
    assert text != TEXT
    design = replace(design_from_text(text), setting="saline")
    sedated, dissociated = Trial(design, seed=2, count=2, people=32).run([20], 4).arms
    assert sedated.harm["cadss_peak"] == 0.0 and sedated.harm["felt_peak"] > 1.0
    assert dissociated.harm["cadss_peak"] == pytest.approx(dissociated.harm["felt_peak"], rel=1e-12)
    assert dissociated.harm["cadss_peak"] > 5.0


def test_the_null_stays_null_when_leaving_depends_on_the_last_score(null: Trial) -> None:
    lost = null.but(dropout=Dropout(per_week=0.2, score=0.08))
    result = lost.run([40], 800)
    rejected = round(result.power[0].power * 800)
    assert 0.05 < result.arms[0].visits[-1].dropout < 0.6
    assert binom.cdf(rejected, 800, 0.05) > 1e-4 and binom.sf(rejected, 800, 0.05) > 1e-4


def test_replicate_k_is_the_same_alone_and_among_others(made: Trial) -> None:
    many = made.replicates(12, 40)
    alone = made.replicate(7)
    for name in ("arm", "who", "baseline", "score", "gone", "guess"):
        assert np.array_equal(getattr(many, name)[7], getattr(alone, name)[0]), name


def test_a_smaller_trial_is_the_beginning_of_a_larger_one(made: Trial) -> None:
    few, many = made.replicate(3, 20), made.replicate(3, 40)
    assert np.array_equal(few.score[0], many.score[0, :20]) and np.array_equal(few.arm[0], many.arm[0, :20])


def test_another_endpoint_and_another_arm_change_nobody(made: Trial) -> None:
    other = made.but(
        endpoint=Endpoint("response", 24.0, "esketamine", 10.0), analysis=replace(DESIGN.analysis, method="proportions")
    )
    assert other.pools is made.pools
    assert np.array_equal(other.replicate(0).score, made.replicate(0).score)
    three = design_from_text(
        TEXT.replace(
            "[analysis]", '[arms.low]\nwords = "esketamine nasal 28 mg"\nrepeat = "twice weekly x 2"\n[analysis]'
        )
    )
    wider = Trial(three, seed=2, count=4, people=32).pool(0)
    own = made.pool(0)
    assert np.array_equal(wider.baseline, own.baseline)
    for key in ("mood", "hoped", "felt"):
        assert np.array_equal(getattr(wider, key)[:2], getattr(own, key)), key


def test_one_world_at_a_time_or_together(made: Trial) -> None:
    from ketasim.trial.replicate import replicates

    parts = [replicates(DESIGN, made.pool(w), 2, range(w, 8, 4), 40) for w in (3, 1, 0, 2)]
    assert np.array_equal(joined(parts).score, made.replicates(8, 40).score)


def test_the_seed_decides(made: Trial) -> None:
    again = Trial(DESIGN, seed=2, count=4, people=32).replicate(5)
    other = Trial(DESIGN, seed=3, count=4, people=32).replicate(5)
    assert np.array_equal(again.score, made.replicate(5).score)
    assert not np.array_equal(other.score, made.replicate(5).score)


def test_the_contrast_is_a_result_of_the_chain(made: Trial) -> None:
    """Under a hypothesis whose drug does nothing but is felt, the whole difference is belief, and it is gone when blinding holds."""
    felt = Trial(replace(DESIGN, hypotheses=("expectancy-only",)), seed=2, count=2, people=32).run([40], 8)
    bias = felt.bias["esketamine"]
    assert bias.held[0] == pytest.approx(0.0, abs=1e-9)
    assert bias.true[0] == pytest.approx(bias.inert[0], abs=1e-9) and bias.true[0] < 0
    assert made.run([40], 8).bias["esketamine"].held[0] < -0.5


def test_blocks_hold_the_ratio_within_strata() -> None:
    design = replace(DESIGN, arms=(DESIGN.arms[0], replace(DESIGN.arms[1], ratio=2.0)), block=6)
    strata = np.tile(np.array([0, 1] * 30), (3, 1))
    arm = allocate(design, Draws(1, (0, 1, 2), 60), strata)
    for r in range(3):
        for s in (0, 1):
            own = arm[r][strata[r] == s]
            assert [int((own[i : i + 6] == 1).sum()) for i in range(0, 30, 6)] == [4] * 5


def test_leaving_follows_the_printed_hazard() -> None:
    """Constant hazard h per week over one week: 1 - exp(-h) leave; the printed equation names each term."""
    u = (np.arange(200_000) + 0.5)[:, None] / 200_000
    change, felt = np.full((200_000, 1), -10.0), np.zeros((200_000, 1))
    gone = leave(Dropout(per_week=0.3), np.array([168.0]), change, felt, u)
    assert (gone == 0).mean() == pytest.approx(1 - np.exp(-0.3), abs=1e-5)
    now = leave(Dropout(per_week=0.3, score_now=0.1), np.array([168.0]), change, felt, u)
    assert (now == 0).mean() == pytest.approx(1 - np.exp(-0.3 * np.exp(-1.0)), abs=1e-5)
    before = leave(Dropout(per_week=0.3, score=0.1), np.array([168.0]), change, felt, u)
    assert (before == 0).mean() == pytest.approx(1 - np.exp(-0.3), abs=1e-5)  # no score was seen before
    words = equation(Dropout(per_week=0.02, score=0.03, score_now=0.01))
    assert "0.02 x exp(0.03 x (last score seen - baseline) + 0.01 x (score" in words and "not at random" in words


def test_power_of_a_known_normal_is_its_power() -> None:
    """z ~ N(2.8, 1): two-sided power at 5 % is 0.7995 (Phi(2.8 - 1.96) + Phi(-2.8 - 1.96))."""
    from scipy.special import ndtr

    rng = np.random.default_rng(1)
    z = rng.normal(2.8, 1.0, 40_000)
    found = power_of(100, z, 2 * ndtr(-np.abs(z)), np.arange(40_000) % 50, 0.05, better=1.0)
    assert found.power == pytest.approx(0.7995, abs=4 * found.mc_se)
    assert 0.78 < found.low < found.power < found.high < 0.82  # worlds that are alike have one power


def test_the_spread_between_worlds_is_freed_of_chance() -> None:
    rng = np.random.default_rng(2)
    world = np.repeat(np.arange(400), 5)
    alike, _ = shrunk(rng.normal(0.0, 1.0, 2000), world)
    differ, _ = shrunk(np.repeat(rng.normal(0.0, 1.0, 400), 5) + rng.normal(0.0, 1.0, 2000), world)
    assert alike.std() < 0.2 and differ.std() == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize(
    ("worlds", "each", "noise", "known"),
    [
        (2, 1, 0.1, False),  # one replicate a world: nothing to take the chance from
        (2, 4, 0.1, False),  # two worlds are no distribution
        (40, 4, 50.0, False),  # chance covers what the worlds differ by
        (40, 4, 0.1, True),
    ],
)
def test_a_spread_that_cannot_be_told_says_so_and_is_never_of_width_zero(
    worlds: int, each: int, noise: float, known: bool
) -> None:
    from scipy.special import ndtr

    rng = np.random.default_rng(7)
    world = np.repeat(np.arange(worlds), each)
    z = np.repeat(rng.normal(2.0, 1.0, worlds), each) + noise * np.tile([-1.0, 1.0, -0.9, 0.9][:each], worlds)
    found = power_of(60, z, 2 * ndtr(-np.abs(z)), world, 0.05, better=1.0)
    assert found.told == known
    if known:
        assert found.high - found.low > 0.1


@pytest.mark.parametrize("sims", [2, 8])
def test_few_replicates_say_that_the_spread_needs_more(sims: int) -> None:
    from ketasim.report.trial_page import page
    from ketasim.report.trial_text import MORE, trial_text

    result = trial(DESIGN, sims=sims)
    said = trial_text(result)
    assert said.count(MORE) == 6 and page(result).count(MORE) >= 5  # power, contrast, four rows of what blinding does
    assert not re.search(r"\bnan\b", said)
    found = json.loads(result.to_json())
    assert found["power"][0]["told"] is found["contrast"]["told"] is False
    assert not any(b["told"] for b in found["bias"].values())


def test_the_guess_curve_weights_the_four_groups() -> None:
    change = np.array([[-4.0, -4.0, -2.0, -2.0, -10.0, -10.0, -6.0, -6.0]])
    arm = np.array([[0, 0, 0, 0, 1, 1, 1, 1]])
    guess = np.array([[True, True, False, False, True, True, False, False]])
    curve = guess_curve(change, arm, guess, 1)
    assert (
        curve[0] == pytest.approx(-6 + 4) and curve[-1] == pytest.approx(-10 + 2) and curve[5] == pytest.approx(-8 + 3)
    )


RULES = (
    TEXT.replace("n = 40", 'n = 40\ndesign = "escalating"\nmeasured = ["cadss"]').replace(
        "twice weekly x 2", "twice weekly x 4"
    )
    + """
[[rules]]
at = ["24 h"]
when = "change_percent > -50"
then = "esketamine nasal 28 mg"
arms = ["esketamine"]
[[rules]]
at = ["8 d"]
when = "cadss >= 0"
then = "stop"
arms = ["esketamine"]
"""
)


def test_the_rule_log_is_the_doses_given() -> None:
    design = design_from_text(RULES.replace('visits = ["24 h", "8 d"]', 'visits = ["24 h", "8 d", "12 d"]'))
    pool = Trial(design, seed=2, count=1, people=24).pool(0)
    flexed = pool.flexed[0]
    lowered = {d.person for d in flexed.log if d.visit_h == 24.0}
    assert 0 < len(lowered) < 24
    weights = np.full(1, 70.0)
    for person, parts in enumerate(flexed.parts):
        given = sorted(
            (one.time_h, one.event.time_h, float(one.amount[0])) for part in parts for one in part.given(288.0, weights)
        )
        days = {}
        for time, _, amount in given:
            days[int(time // 24)] = days.get(int(time // 24), 0.0) + amount
        assert sorted(days) == [0, 3, 7]  # the dose of day 10 is stopped at day 8
        ratio = days[3] / days[0]
        assert ratio == pytest.approx(1 / 3 if person in lowered else 1.0, rel=1e-6)
        assert days[7] == pytest.approx(days[3], rel=1e-6)
    for decision in flexed.log:
        if decision.visit_h == 24.0:
            assert decision.measured > -50.0


def test_a_rule_sees_what_was_measured_up_to_its_visit() -> None:
    """A later rule changes nothing before it."""
    base = design_from_text(RULES.replace('visits = ["24 h", "8 d"]', 'visits = ["24 h", "8 d", "12 d"]'))
    first = replace(base, rules=base.rules[:1])
    both, one = (Trial(d, seed=2, count=1, people=24).pool(0) for d in (base, first))
    # other segments, other steps: equal within the tolerance of the integration
    np.testing.assert_allclose(both.mood[1][:, :2], one.mood[1][:, :2], rtol=1e-4, atol=1e-6)
    assert (both.mood[1][:, 2] < one.mood[1][:, 2] - 1e-3).all()


def test_a_rule_on_cadss_does_not_see_what_midazolam_makes_felt() -> None:
    """Dissociation alone: an arm of midazolam, which is felt, never meets a limit above 0."""
    text = RULES.replace('words = "placebo nasal"', 'words = "midazolam iv 0.045 mg/kg over 40 min"')
    text = text.replace('when = "cadss >= 0"', 'when = "cadss > 0.5"').replace(
        'arms = ["esketamine"]', 'arms = ["placebo"]'
    )
    made = design_from_text(text)
    design = replace(made, setting="saline", rules=made.rules[1:])  # the first rule would give the drug
    pool = Trial(design, seed=2, count=1, people=24).pool(0)
    assert pool.flexed[0].log == () and pool.flexed[0].read.rows["felt"].max() > 1.0


CROSSED = """
title = "Crossover"
design = "crossover"
setting = "open"
visits = ["24 h"]
n = 12
hypotheses = ["opioid-gate"]
comparator = "ketamine"
study_effects = false
[crossover]
period = "14 d"
[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
[arms.naltrexone]
words = "ketamine iv 0.5 mg/kg over 40 min"
with = ["naltrexone oral 50 mg HCl at -45 min"]
[endpoint]
arm = "naltrexone"
"""


def test_a_crossover_reads_both_periods_and_carry_over_is_a_result() -> None:
    made = Trial(design_from_text(CROSSED), seed=2, count=1, people=24)
    pool = made.pool(0)
    assert pool.names == ("naltrexone, then ketamine", "ketamine, then naltrexone")
    assert pool.visits_h.tolist() == [24.0, 336.0, 360.0]
    blocked, plain = pool.mood[0][:, 0], pool.mood[1][:, 0]
    assert (blocked < plain).all()  # the gate is closed in the first period of the one sequence
    assert (pool.mood[0][:, 2] > pool.mood[0][:, 0]).all()  # and open in its second
    result = made.run([12, 26], 40)
    assert result.contrast.mean > 0 and result.contrast.arm == "naltrexone"
    assert result.power[1].power >= result.power[0].power - 3 * result.power[0].mc_se


def test_only_the_stable_are_randomised() -> None:
    text = TEXT.replace('"8 d"]', '"8 d", "22 d"]').replace("n = 40", 'n = 16\ndesign = "withdrawal"')
    design = design_from_text(
        text.replace(
            '[analysis]\nmethod = "ancova"',
            '[withdrawal]\nat = "24 h"\nstable = "change_percent <= -30"\n[endpoint]\nmeasure = "relapse"\ncut = 22',
        )
    )
    found = Trial(design, seed=2, count=1, people=32).replicate(0)
    assert (found.score[0, :, 0] <= 0.7 * found.baseline[0]).all()
    assert found.asked[0] > 16
    nobody = replace(design, stable="change_percent <= -101")  # no score falls below 0
    with pytest.raises(UsageError, match="nobody is left to randomise"):
        Trial(nobody, seed=2, count=1, people=32).replicate(0)


def test_designs_that_ship_are_read_and_named() -> None:
    known = entries()
    assert len(known) >= 40 and known[0].arms == 2
    for entry in known:
        assert find_design(entry.id).title


def test_wrong_use_says_what_is_allowed() -> None:
    for options in ({"sims": 0}, {"n": 3}, {"seed": -1}, {"n": []}):
        with pytest.raises(UsageError):
            trial(DESIGN, **options)
    with pytest.raises(UsageError, match="another arms needs other people"):
        Trial(DESIGN).but(arms=())
    with pytest.raises(UsageError, match="unknown design"):
        trial("Popova2091")


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))}


def test_a_stopped_trial_goes_on_to_the_same_files_and_the_same_answer(tmp_path: Path, made: Trial) -> None:
    whole = made.run([40], 8, folder=tmp_path / "whole")
    told = made.run([40], 8)
    assert whole.to_json() == told.to_json()

    def stop(share: float) -> None:
        if share > 0.2:
            raise KeyboardInterrupt

    again = Trial(DESIGN, seed=2, count=4, people=32)
    with pytest.raises(KeyboardInterrupt):
        again.run([40], 8, stop, tmp_path / "stopped")
    assert 0 < len(hashes(tmp_path / "stopped")) < 4
    (tmp_path / "stopped" / "world-0003-half.parquet").write_bytes(b"half a file")
    last = Trial(DESIGN, seed=2, count=4, people=32)
    assert last.run([40], 8, folder=tmp_path / "stopped").to_json() == told.to_json()
    assert set(hashes(tmp_path / "whole").items()) <= set(hashes(tmp_path / "stopped").items())
    assert len(last.pools) < 4  # what was there was not simulated again


def test_a_cluster_that_is_not_there_is_said(made: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster.ANSWERS == 20.0
    monkeypatch.setattr(cluster, "ANSWERS", 0.3)
    with pytest.raises(UsageError, match=r"cluster needs|no scheduler answers"):
        made.run([40], 8, scheduler="tcp://127.0.0.1:1")


def test_a_cluster_gives_the_same_files(tmp_path: Path, made: Trial) -> None:
    distributed = pytest.importorskip("dask.distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as here:
        made.run([40], 8, folder=tmp_path / "cluster", scheduler=here.scheduler_address)
    Trial(DESIGN, seed=2, count=4, people=32).run([40], 8, folder=tmp_path / "here")
    assert hashes(tmp_path / "cluster") == hashes(tmp_path / "here") != {}


def test_one_trial_is_a_replicate_person_by_person(made: Trial) -> None:
    lost = made.but(dropout=Dropout(per_week=0.4, score=0.08), missing=0.2)
    found, one = lost.replicates(4, 40), lost.run([40], 4).one
    assert one is not None and one.replicate == 0 and one.hypothesis == "disinhibition"
    rows = one.rows
    assert len(rows) == 40 * 3 and {row["day"] for row in rows} == {0.0, 1.0, 8.0}
    last = [row["score"] for row in rows if row["day"] == 8.0]
    assert last == [s if ok else None for s, ok in zip(found.score[0, :, 1].tolist(), found.seen[0, :, 1], strict=True)]
    flow = one.to_dict()["flow"]
    assert flow["screened"] == flow["randomised"] == sum(a["allocated"] for a in flow["arms"]) == 40
    for a, arm in enumerate(flow["arms"]):
        own = found.arm[0] == a
        gone = found.gone[0][own]
        assert arm["left"] == sum(arm["left_for"].values()) == int((gone < 2).sum()) > 0
        missed = ~found.seen[0][own] & (np.arange(2) < gone[:, None])
        assert arm["missed_visits"] == int(missed.sum())
        # analysis of covariance at the last visit: who is seen there
        assert arm["analysed"] == arm["seen_at_endpoint"] == int(found.seen[0][own, 1].sum())
    lines = one.to_csv().splitlines()
    assert len(lines) == 121 and lines[0].startswith("person,arm,site,day,score")


def test_one_trial_alone_is_that_of_the_whole_run() -> None:
    from ketasim.trial import one_trial

    small = replace(DESIGN, hypotheses=("disinhibition",))
    alone = one_trial(small, n=20, seed=2, number=1, worlds=2)
    many = Trial(small, seed=2, count=2).replicates(2, 20)
    assert [p.scores[0] for p in alone.people] == pytest.approx(many.score[1, :, 0].tolist(), abs=0)
    with pytest.raises(UsageError, match="no replicate -1"):
        one_trial(small, number=-1)


def test_why_somebody_left_is_named_only_where_it_more_than_doubled_the_hazard() -> None:
    """Attributable fraction 1 - 1/HR: above one half where HR > 2, log HR > 0.693."""
    change, felt = np.array([[5.0, 5.0], [8.0, 8.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 0.0], [40.0, 40.0]])
    d = Dropout(per_week=0.1, score=0.1, dissociation=0.02)
    found = reasons(d, np.array([24.0, 168.0]), change, felt, np.array([1, 1, 0]))
    assert found == ["the base rate", "the last score seen", "dissociation in the sessions"]  # log HR 0.5, 0.8, 0.8
    assert reasons(d, np.array([24.0, 168.0]), change, felt, np.array([2, 0, 2])) == ["", "the base rate", ""]


def test_the_same_design_in_another_file_makes_no_chunk_anew(made: Trial) -> None:
    first = Job(DESIGN, made.worlds[0], 2, False, 32, (0, 1), 40)
    elsewhere, larger = (
        replace(first, design=replace(DESIGN, where="elsewhere.toml")),
        replace(first, design=replace(DESIGN, n=60)),
    )
    assert first.key == elsewhere.key != larger.key
