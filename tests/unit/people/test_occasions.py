"""Sessions of one person differ, people at one session do not spread more for it, and the first session is what it was."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.chain.readout import readout
from ketasim.core import UsageError, values
from ketasim.dose import parse
from ketasim.forward import Forward, deliveries, differing
from ketasim.people import chain_parameters, draw_people, typical
from ketasim.people.occasions import at_session, numbers_by_session, occasion_shares, session_of
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run
from ketasim.stages.plasma.routing import routing_values

FILM = "esketamine film 25 mg"
SESSIONS = "40 min, 168.667 h, 336.667 h"


def test_a_session_keeps_the_spread_and_the_share_decides_how_alike_two_are() -> None:
    """corr(z_j, z_k) = 1 - s for any two sessions, each standard normal; 20,000 people: standard error of a correlation below 0.007."""
    people = draw_people(20_000, seed=3)
    for share in (0.14, 0.5, 1.0):
        z = [at_session(people, k, {"gain": share}).effect("gain") for k in range(4)]
        assert np.array_equal(z[0], people.effect("gain"))
        found = np.corrcoef(z)
        assert np.std(z, axis=1) == pytest.approx(1.0, abs=0.02)
        assert found[np.triu_indices(4, 1)] == pytest.approx(1 - share, abs=0.025)


def test_more_people_and_more_sessions_change_nobody() -> None:
    few, many = (draw_people(n, seed=3) for n in (7, 40))
    for k in (1, 5):
        assert np.array_equal(
            at_session(few, k, {"gain": 0.3}).effect("gain"), at_session(many, k, {"gain": 0.3}).effect("gain")[:7]
        )
    assert np.array_equal(at_session(few, 2, {"gain": 0.3}).effect("other"), few.effect("other"))
    assert (at_session(typical(), 3, {"gain": 0.5}).effect("gain") == 0).all()


def test_what_is_in_force_is_sourced_and_the_rest_is_marked_as_assumed() -> None:
    sourced, every = occasion_shares(), occasion_shares("all")
    assert dict(sourced) == {"mucosal_fraction": 1.0} and set(sourced) < set(every) and not occasion_shares("none")
    for v in values("occasions").values():
        assert (v.basis == "measured") == (v.grade == "A") and (v.basis == "assumed") == (v.grade == "D")
    with pytest.raises(UsageError, match="unknown word for occasions"):
        occasion_shares("some")


def test_every_share_is_of_a_value_that_can_differ_between_sessions() -> None:
    """It has a spread between people, and splits a dose or acts after the integration: a value inside the equations is one number in a run."""
    after = readout(
        Forward.of(deliveries(parse("ketamine iv 0.5 mg/kg over 40 min"), 1.0, np.array([70.0]))).composition
    ).after
    for key in occasion_shares("all"):
        known = next(values(stage)[key] for stage in ("plasma", "body") if key in values(stage))
        assert known.between is not None and (key in after or key in routing_values()), key


def test_films_of_one_person_differ_and_people_spread_as_before() -> None:
    """A week apart, so that nothing is left: what differs is the film. Share 1: two films of one person are as unlike as those of two people."""
    asked = scenario(FILM, repeat="weekly x 3", people=300, draws=0, days=15, at=SESSIONS)
    with_, without = run(asked), run(asked.but(occasions="none"))
    level, same = np.log(with_["plasma.ketamine"].people), np.log(without["plasma.ketamine"].people)
    assert np.array_equal(level[:, 0], same[:, 0])
    assert np.abs(level[:, 1] - same[:, 1]).mean() > 0.1
    assert level.std(axis=0) == pytest.approx(same.std(axis=0), rel=0.1)
    assert np.corrcoef(same.T)[0, 1] > 0.999 and np.corrcoef(level.T)[0, 1] < 0.9  # clearance and weight still tie them
    assert with_["plasma.ketamine"].typical == pytest.approx(without["plasma.ketamine"].typical, rel=1e-6)
    assert [row.given_mg for row in with_.ledger] == pytest.approx(
        [25.0] * 3, rel=1e-9
    )  # what the mouth does not take is swallowed


def test_infusions_are_felt_anew_where_that_is_asked_for() -> None:
    asked = scenario(
        "ketamine iv 0.5 mg/kg over 40 min", repeat="weekly x 3", people=300, draws=0, days=15, at=SESSIONS
    )
    usual, every = run(asked), run(asked.but(occasions="all"))
    before, now = np.log(usual["cadss"].people), np.log(every["cadss"].people)
    assert np.corrcoef(before.T)[0, 2] > 0.99  # without occasions the third is felt as the first, but for adaptation
    assert now[:, 0] == pytest.approx(before[:, 0], abs=1e-9)
    assert np.corrcoef(now.T)[0, 2] == pytest.approx(
        1 - values("occasions")["occasion_share_dissociation_gain"].value, abs=0.08
    )
    assert now.std(axis=0) == pytest.approx(before.std(axis=0), rel=0.1)
    assert np.array_equal(usual["plasma.ketamine"].people, every["plasma.ketamine"].people)
    assert np.array_equal(
        usual["sbp"].people, every["sbp"].people
    )  # a course of pressure is that of the median session
    assert np.abs(every["nausea"].people - usual["nausea"].people)[:, 2].max() > 0.01
    assert every.scenario.settings()["occasions"] == "all" and "occasions" not in usual.scenario.settings()


def test_a_gain_of_a_session_is_the_same_equation_with_another_number() -> None:
    """cadss of session k as worked out afterwards = cadss of people integrated with that gain throughout, at the times of session k."""
    people, times = draw_people(6, seed=9), np.array([0.5, 0.8, 168.5, 168.8])
    model = Forward.of(
        deliveries(parse("ketamine iv 0.5 mg/kg over 40 min", repeat="weekly x 2"), 170.0, people.weight)
    )
    varying = chain_parameters(people, model.numbers, {})
    apart = differing(model, people, model.numbers, {}, [0.0, 168.0], occasion_shares("all"), ("cadss", "nausea"))
    wanted = ("cadss", "nausea", *apart.needed)
    plan = model.schedule(varying, 0.0, 170.0)
    table = apart.applied(model.run([plan], varying, 6, times, wanted).table, varying, times)
    assert apart.gains is not None and set(apart.outputs) == {"cadss", "nausea"}
    for k in (0, 1):
        other = dict(varying) | {key: rows[k] for key, rows in apart.gains.items()}
        again = model.run([plan], other, 6, times, wanted).table
        for name in ("cadss", "nausea"):
            assert table[name][:, 2 * k : 2 * k + 2] == pytest.approx(again[name][:, 2 * k : 2 * k + 2], rel=1e-7)


def test_covariates_act_at_every_session_and_times_find_theirs() -> None:
    japanese = draw_people(50, seed=2).__class__(
        2, np.arange(50), draw_people(1).traits.__class__(ethnicity="japanese")
    )
    plain = draw_people(50, seed=2)
    shares, keys = {"nasal_fraction": 0.3}, ("nasal_fraction",)
    one, other = (
        numbers_by_session(p, routing_values(), {}, 3, shares, keys)["nasal_fraction"] for p in (plain, japanese)
    )
    factor = values("plasma")["japanese_nasal_fraction_factor"].value
    assert other == pytest.approx(np.minimum(one * factor, 1.0)) and one.shape == (3, 50)
    assert session_of(np.array([-1.0, 0.0, 71.9, 72.0, 500.0]), np.array([0.0, 72.0])).tolist() == [0, 0, 0, 1, 1]
