"""Bioavailability per route: the ratio of dose-normalised areas, person by person."""

import numpy as np
import pytest

from ketasim.scenario.bioavailability import bioavailability
from ketasim.scenario.compare import compare
from ketasim.scenario.run import run
from ketasim.scenario.summary import area

LEVEL = "plasma.ketamine"


def areas(words: str, **options: object) -> np.ndarray:
    found = run(words, people=9, seed=3, draws=0, days=7, **options)  # type: ignore[arg-type]
    return area(found.grid_h, found.grid_values[LEVEL])


def test_it_is_the_ratio_of_areas_per_mg_in_the_same_people() -> None:
    result = run("esketamine nasal 56 mg", people=9, seed=3)
    share = (areas("esketamine nasal 56 mg") / 56) / (areas("esketamine iv 56 mg over 40 min") / 56)
    found = bioavailability(result, LEVEL)
    assert found["typical"] == pytest.approx(share[0], rel=1e-6)
    assert found["low"] == pytest.approx(np.percentile(share[1:], 5), rel=1e-6)
    assert found["high"] == pytest.approx(np.percentile(share[1:], 95), rel=1e-6)
    assert 0 < found["low"] < found["high"] < 1


def test_neither_amount_nor_repeats_change_it() -> None:
    once, often = (
        bioavailability(run(f"ketamine oral {words}", people=4), LEVEL)
        for words in ("100 mg", "200 mg twice weekly x 3")
    )
    assert often["typical"] == pytest.approx(once["typical"], rel=1e-3)
    assert often["high"] == pytest.approx(once["high"], rel=1e-3)


def test_an_inhibitor_in_gut_and_liver_raises_it() -> None:
    plain = bioavailability(run("ketamine oral 100 mg", people=0), LEVEL)
    blocked = bioavailability(
        run("ketamine oral 100 mg", with_="clarithromycin oral 500 mg at -60 min", people=0), LEVEL
    )
    assert blocked["typical"] > 1.1 * plain["typical"]


@pytest.mark.parametrize(
    ("words", "typical"),
    [("ketamine iv 0.5 mg/kg over 40 min", 1.0), ("placebo iv", None), ("ssri oral 10 mg daily", None)],
)
def test_into_a_vein_it_is_one_and_without_drug_there_is_none(words: str, typical: float | None) -> None:
    found = bioavailability(run(words, people=2, days=7), LEVEL)
    assert found["typical"] == typical and found["low"] is None and found["high"] is None


def test_the_comparison_carries_onset_duration_and_bioavailability() -> None:
    found = compare("ketamine iv 0.5 mg/kg over 40 min", "esketamine nasal 84 mg", "placebo iv", people=12, days=28)
    onset, duration, share = found.rows[:3]
    assert [onset.name, duration.name, share.name] == ["onset", "duration", "bioavailability"]
    effect = found.results[0].fine("madrs.effect")
    first = int(np.argmax(effect.typical <= -2))
    begun = np.interp(2.0, -effect.typical[first - 1 : first + 1], effect.time_h[first - 1 : first + 1])
    assert onset.arms[0]["typical"] == pytest.approx(begun)
    last = effect.time_h[effect.typical <= -2][-1]
    assert duration.arms[0]["typical"] == pytest.approx((last - begun) / 24, abs=0.5)
    assert onset.arms[2]["typical"] is None and duration.arms[2]["typical"] == 0
    assert 0 <= duration.arms[0]["share_still"] <= 1 and duration.arms[0]["high"] <= duration.arms[0][
        "run_d"
    ] == pytest.approx(28)
    assert share.arms[1]["low"] < share.arms[1]["typical"] < share.arms[1]["high"] < 1
