"""What if a number is wrong: each figure is that of an ordinary run with the value set, and what is known of a value is its distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ketasim.core import Spread, UsageError, value
from ketasim.core.posterior import posterior
from ketasim.scenario.run import run
from ketasim.scenario.what_if import figure_of, known_of, quantile, uncertain_values, what_if, what_matters

WORDS = "ketamine iv 0.5 mg/kg over 40 min"


def headline(**values: float) -> tuple[float, float, float]:
    """Effect at 24 h and on day 7, highest CADSS, of the typical person by an ordinary run."""
    result = run(WORDS, people=0, draws=0, days=7, values=values)
    mood = result.summary["mood"]
    return (
        mood["24 h"]["madrs.effect"]["typical"],
        mood["7 d"]["madrs.effect"]["typical"],
        float(result.fine("cadss").typical.max()),
    )


@pytest.mark.parametrize("name", ["mood_late_size", "body.dissociation_slope"])
def test_a_value_moved_gives_what_a_run_with_that_value_gives(name: str) -> None:
    key = name.rpartition(".")[2]
    known = known_of(value(key))
    found = what_if(WORDS, name, known.high)
    assert list(found.changed.values()) == pytest.approx(headline(**{key: known.high}), rel=2e-5)
    assert list(found.shipped.values()) == pytest.approx(headline(), rel=2e-5)
    assert list(found.changed.values()) != pytest.approx(list(found.shipped.values()), rel=1e-3)
    # the curve runs over the whole slider and goes through the same numbers
    ends = [headline(**{key: found.curve_at[0]}), headline(**{key: found.curve_at[-1]})]
    assert [row[0] for row in found.curve.values()] == pytest.approx(ends[0], rel=2e-5)
    assert [row[-1] for row in found.curve.values()] == pytest.approx(ends[1], rel=2e-5)
    assert f"--set {key}={known.high!r}" in found.command


@pytest.mark.slow
def test_a_value_that_was_never_fitted_likewise() -> None:
    found = what_if(WORDS, "s_ketamine_nmda_affinity", 0.5)
    assert list(found.changed.values()) == pytest.approx(headline(s_ketamine_nmda_affinity=0.5), rel=2e-5)


def test_the_model_band_is_that_of_a_run() -> None:
    whole = run(WORDS, people=0, days=7).summary["mood"]["24 h"]["madrs.effect"]
    found = what_if(WORDS, "mood_late_size")
    assert found.model["effect_24h"] == pytest.approx((whole["model_low"], whole["model_high"]))


@pytest.mark.parametrize(
    "spread, middle, peer",
    [
        (Spread("lognormal", 0.35), 0.3, stats.lognorm(0.35, scale=0.3)),
        (Spread("normal", 2.0), -1.0, stats.norm(-1.0, 2.0)),
        (Spread("loguniform", low=0.2, high=5.0), 1.0, stats.loguniform(0.2, 5.0)),
    ],
)
def test_quantiles_of_a_prior_are_those_of_scipy(spread: Spread, middle: float, peer: object) -> None:
    shares = [0.005, 0.05, 0.5, 0.95, 0.995]
    assert [quantile(spread, middle, p) for p in shares] == pytest.approx(peer.ppf(shares))  # type: ignore[attr-defined]


def test_a_share_stays_between_0_and_1_and_bounds_hold() -> None:
    found = quantile(Spread("logitnormal", 0.8), 0.7, 0.95)
    assert np.log(found / (1 - found)) == pytest.approx(np.log(0.7 / 0.3) + 0.8 * stats.norm.ppf(0.95))
    assert quantile(Spread("normal", 5.0), 1.0, 0.005, bounds=(0.0, 2.0)) == 0.0


def test_what_is_known_of_a_fitted_value_are_the_draws_that_ship() -> None:
    shipped = posterior()
    assert shipped is not None
    column = shipped.draws[:, shipped.names.index("mood_late_size")]
    known = known_of(value("mood_late_size"))
    inside = shipped.weights[(column >= known.low) & (column <= known.high)].sum()
    assert known.kind == "posterior" and inside == pytest.approx(0.9, abs=0.01)
    assert sum(known.shares) == pytest.approx(0.99, abs=0.01)


def test_what_is_known_of_another_is_its_table() -> None:
    v = value("s_ketamine_nmda_affinity")
    assert v.uncertain is not None and v.uncertain.kind == "lognormal"
    known = known_of(v)
    assert known.kind == "prior" and known.median == pytest.approx(v.value) and sum(known.shares) == pytest.approx(0.99)
    assert known.high / known.median == pytest.approx(np.exp(1.6448536 * v.uncertain.sd))


def test_what_cannot_be_tried_is_refused_with_what_can() -> None:
    with pytest.raises(UsageError, match="cannot be tried") as error:
        what_if(WORDS, "mood_late_size", 1e6)
    assert error.value.allowed
    with pytest.raises(UsageError, match="no uncertainty"):
        what_if(WORDS, "typical_weight")
    with pytest.raises(UsageError, match="unknown value"):
        what_if(WORDS, "no_such_number")
    with pytest.raises(UsageError, match="part in this scenario"):
        what_if(WORDS, "naltrexone_mu_affinity")


def test_where_no_benefit_is_known_none_is_given() -> None:
    found = what_if("ketamine iv 5 mg/kg over 40 min", "mood_late_size")
    assert found.held and found.changed["effect_24h"] is None and found.curve["effect_7d"] == (None,) * 9


def test_the_list_holds_what_has_a_part_in_the_course() -> None:
    keys = {v.key for v in uncertain_values(WORDS)}
    assert {"mood_late_size", "s_ketamine_nmda_affinity"} <= keys and "naltrexone_mu_affinity" not in keys


def test_the_figure_of_an_output() -> None:
    times = np.array([0.0, 1.0, 24.0, 48.0])
    assert figure_of("cadss", times, np.array([0.0, 9.0, 1.0, 0.0])) == 9.0
    assert figure_of("sedation", times, np.array([5.0, 3.0, 4.0, 5.0])) == 3.0
    assert figure_of("madrs.effect", times, np.array([0.0, -9.0, -4.0, -1.0])) == -4.0


@pytest.mark.slow
def test_the_numbers_that_matter_move_their_output_as_said() -> None:
    found = what_matters(WORDS)
    for name in ("cadss", "nmda.occupancy", "madrs.effect"):
        first = found[name][0]
        ends = []
        for number in (first.low, first.high):
            course = run(WORDS, people=0, draws=0, days=7, values={first.value.key: number}).fine(name)
            ends.append(figure_of(name, course.time_h, course.typical))
        assert ends[1] - ends[0] == pytest.approx(first.change, rel=1e-3)
        assert [abs(m.change) for m in found[name]] == sorted((abs(m.change) for m in found[name]), reverse=True)
    assert "nmda" in found["nmda.occupancy"][0].value.key
