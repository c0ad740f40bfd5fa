"""The pool says what `run` says: one model. And nothing in it looks ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import norm

import ketasim
from ketasim.chain.hypothesis import default_hypothesis
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.person.beliefs import Rows, beliefs, rows
from ketasim.person.given import Given, Placed
from ketasim.person.options import read_option
from ketasim.person.pool import CLINIC, Arms, Pool, Seen, Varied, integrate
from ketasim.ratings.between import built_up, shift, spread
from ketasim.ratings.observation import link
from ketasim.ratings.setting import USUAL_SETTING
from ketasim.ratings.thoughts import item_before
from ketasim.trial.between import drug_size, felt_size, setting_shift
from ketasim.trial.read import design_from_text

WORDS = "ketamine iv 0.5 mg/kg over 40 min twice weekly x 3"


class Nobody(dict[str, np.ndarray]):
    """Effects of the typical person: zero, whatever is asked for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> np.ndarray:
        return np.zeros(self.count)

    def items(self) -> Any:
        return ()

    def __iter__(self) -> Iterator[str]:
        return iter(())


def average_clinic() -> dict[str, np.ndarray]:
    """Where a clinic shifts nothing and multiplies by 1: exp(tau z - tau^2 / 2) = 1 at z = tau / 2."""
    return {name: np.array([spread(name) / 2 if name in ("drug", "felt") else 0.0]) for name in CLINIC}


def typical_pool() -> Pool:
    """One row at the shipped numbers under the working default, one member without any effect, in the average clinic."""
    off = {key: np.array([number]) for key, number in default_hypothesis().switched_off().items()}
    table = Rows((default_hypothesis().id,), np.zeros(1, dtype=np.int64), np.zeros(1), off, {})
    people = Varied(1, np.zeros(1, dtype=np.int64), Traits(weight=70.0, age=45.0, baseline=33.0), Nobody(1))
    return Pool(table, people, np.zeros(1, dtype=np.int64), people, average_clinic(), np.zeros(1))


@pytest.mark.parametrize(
    ("words", "setting"), [(WORDS, "saline"), ("esketamine nasal 84 mg", "nasal-placebo"), (WORDS, "routine")]
)
def test_the_typical_member_is_the_typical_person_of_a_run(words: str, setting: str) -> None:
    times = np.array([1.0, 24.0, 72.0, 168.0])
    run = ketasim.run(words, people=0, draws=0, setting=setting, at=times.tolist())
    expected = run["madrs"].typical
    pool = typical_pool()
    way = Given((Placed(parse(words)),), 200.0)
    seen = Seen(pool, integrate(pool, [way], way.grid(times)), 0, setting)
    p = pool.ratings
    score = link(seen.latent(times), 33.0, p["link_ceiling"][:, None], p["link_slope"][:, None])[0]
    assert score == pytest.approx(
        expected, abs=0.08
    )  # peaks of what is felt are looked for on fewer times than in a run
    before = item_before(USUAL_SETTING, p)[:, None]
    thoughts = link(seen.latent(times, ideation=True), before, p["link_ceiling"][:, None], p["link_slope"][:, None])[0]
    assert thoughts == pytest.approx(
        run["ideation"].typical, abs=0.01
    )  # what a hypothesis leaves out is off in thoughts too


@pytest.mark.parametrize(
    "beside",
    ["psychotherapy", "psychotherapy from 1 d to 5 d effect 0.3 synergy 0.5", "lifestyle onset 2 d synergy -0.4"],
)
def test_an_add_on_is_that_of_a_run(monkeypatch: pytest.MonkeyPatch, beside: str) -> None:
    """The typical member of an option with something beside it, at the centre of what nobody knows, is the typical person of `run --with`."""
    monkeypatch.setattr("ketasim.person.add_ons.normals", lambda seed, key, members: np.zeros(len(members)))
    times = np.array([24.0, 72.0, 168.0])
    run = ketasim.run(WORDS, with_=beside, people=0, draws=0, setting="saline", at=times.tolist())
    bare = ketasim.run(WORDS, people=0, draws=0, setting="saline", at=times.tolist())
    option = read_option(f"{WORDS} with {beside}")
    pool = typical_pool()
    way = Given(option.placed(0.0), 200.0)
    seen = Seen(pool, integrate(pool, [way], way.grid(times)), 0, "saline", None, option.added, 0.0)
    p = pool.ratings
    score = link(seen.latent(times), 33.0, p["link_ceiling"][:, None], p["link_slope"][:, None])[0]
    assert score == pytest.approx(run["madrs"].typical, abs=0.08)
    assert np.abs(run["madrs"].typical - bare["madrs"].typical).max() > 0.5  # something is added that can be seen


def test_nothing_later_changes_what_was() -> None:
    """The drive at a time is the same whatever follows, in dose, option and grid."""
    pool = Pool.of(Traits(weight=80.0), 24, 2)
    times = np.array([24.0, 70.0])
    short = Given((Placed(parse("ketamine iv 0.5 mg/kg over 40 min")),), 80.0)
    long = Given(
        (
            Placed(parse("ketamine iv 0.5 mg/kg over 40 min")),
            Placed(parse("esketamine nasal 84 mg twice weekly x 2"), 80.0),
        ),
        300.0,
    )
    first = Seen(pool, integrate(pool, [short], short.grid(times), parts=("nasal",)), 0, "saline").latent(times)
    grid = np.union1d(long.grid(times), [200.0])
    other = Seen(pool, integrate(pool, [long], grid), 0, "saline").latent(times)
    assert other == pytest.approx(first, abs=2e-5)


def test_the_average_clinic_is_the_average_trial() -> None:
    """One rule for trials and people: what a clinic multiplies by has mean 1 (median below it), what it adds mean 0, by the same numbers as in a trial."""
    count = 20_001
    z = norm.ppf((np.arange(count) + 0.5) / count)
    pool = replace(typical_pool(), clinic=dict.fromkeys(CLINIC, z))
    seen = Seen(pool, cast(Arms, None), 0, "saline")
    design = design_from_text(
        'visits = ["24 h"]\n[arms.a]\nwords = "placebo iv"\n[arms.b]\nwords = "ketamine iv 30 mg"\n'
    )
    for name, of_a_trial in (("drug", drug_size), ("felt", felt_size)):
        size = seen.clinic_factor(name)
        assert size == pytest.approx(of_a_trial(design, z))
        assert size.mean() == pytest.approx(1.0, abs=5e-3) and np.median(size) < 0.9
    at_once, late = (shift(name, pool.clinic[name]) for name in ("setting", "late"))
    assert setting_shift(design, [672.0], z, z)[:, 0] == pytest.approx(at_once + late * float(built_up(672.0)))
    assert shift("setting", z).mean() == pytest.approx(0.0, abs=1e-9)


def test_the_clinics_of_a_pool_leave_the_drug_part_as_fitted() -> None:
    """The drive of mood over many clinics is on average that of the average clinic, so a forecast is no stronger than the trials say."""
    one = typical_pool()
    times = np.array([24.0])
    way = Given((Placed(parse("ketamine iv 0.5 mg/kg over 40 min")),), 30.0)
    arms = integrate(one, [way], way.grid(times))
    count = 2_001
    z = norm.ppf((np.arange(count) + 0.5) / count)
    people = Varied(1, np.zeros(count, dtype=np.int64), one.minds.traits, Nobody(count))
    row = np.zeros(count, dtype=np.int64)

    def drive(clinics: np.ndarray) -> float:
        clinic = {name: clinics if name == "drug" else np.zeros(count) for name in CLINIC}
        pool = Pool(one.rows, one.bodies, row, people, clinic, np.zeros(count))
        return float(Seen(pool, arms, 0, "saline").latent(times).mean())

    tau = spread("drug")
    drug_alone = drive(z) - drive(np.full(count, -40.0))  # so far out that the drug does nothing
    average = drive(np.full(count, tau / 2)) - drive(np.full(count, -40.0))  # where the factor is 1
    assert average > 0.1 and drug_alone == pytest.approx(average, rel=5e-3)


def test_rows_hold_every_hypothesis_with_its_weight() -> None:
    found = rows(240, 5)
    weights = np.exp(found.log_weight)
    share = np.bincount(found.hypothesis, weights=weights, minlength=len(found.names)) / weights.sum()
    assert np.bincount(found.hypothesis, minlength=len(found.names)).min() >= 5
    assert share == pytest.approx([beliefs().weights[name] for name in found.names], abs=1e-9)


def test_members_keep_themselves_when_picked() -> None:
    pool = Pool.of(Traits(), 16, 3)
    picks = np.array([40, 3, 3, 17])
    few = pool.only(picks)
    assert few.minds.madrs == pytest.approx(pool.minds.madrs[picks])
    assert few.ratings["expectancy_gain"] == pytest.approx(pool.ratings["expectancy_gain"][picks])
    assert few.bodies.weight[few.row] == pytest.approx(pool.bodies.weight[pool.row[picks]])
    same = pool.among(picks)
    assert same.ratings["expectancy_gain"] == pytest.approx(few.ratings["expectancy_gain"])


def test_sessions_and_co_medication_are_told_apart() -> None:
    given = Given((Placed(parse(WORDS)), Placed(parse("lorazepam oral 1 mg daily"), -48.0, beside=True)), 200.0)
    assert given.noticed.sessions.tolist() == pytest.approx([0.0, 72.0, 168.0])
    assert given.start_h() == -48.0
    assert any(part.event.drug == "lorazepam" for part in given.deliveries(np.array([70.0])))


def test_rows_come_back_from_the_disk_to_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of all hypotheses are kept; those of some are not, and what is kept is what would be worked out."""
    from ketasim.person import beliefs as room

    known = beliefs()
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path))
    monkeypatch.setattr(room, "beliefs", lambda: known)
    first, second = rows(24, 5), rows(24, 5)
    assert [path.suffix for path in tmp_path.iterdir()] == [room.SUFFIX]
    fresh = room._rows(24, 5)
    for found in (first, second):
        assert found.names == fresh.names
        np.testing.assert_array_equal(found.hypothesis, fresh.hypothesis)
        np.testing.assert_array_equal(found.log_weight, fresh.log_weight)
        for one, other in ((found.numbers, fresh.numbers), (found.spreads, fresh.spreads)):
            assert list(one) == list(other)
            for key in one:
                np.testing.assert_array_equal(one[key], other[key])
    rows(24, 5, (known_name(known),))
    assert len(list(tmp_path.iterdir())) == 1


def known_name(known: Any) -> str:
    """Any hypothesis."""
    return next(iter(known.weights))
