"""Units of the chain: spelling, round trips, and what libSBML makes of the definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.chain import units
from ketasim.core import KetasimError

DIMENSIONS = st.tuples(*[st.integers(-2, 2)] * len(units.BASES))


@pytest.mark.parametrize(
    ("value_form", "model_word"),
    [
        ("L/h", "litre_per_hour"),
        ("1/h", "per_hour"),
        ("umol/L", "uM"),
        ("1/(umol/L)", "per_uM"),
        ("1/(umol/L)/h", "per_uM_hour"),
        ("L/umol/h", "per_uM_hour"),
        ("umol/h", "umol_per_hour"),
        ("point/h", "point_per_hour"),
        ("dimensionless", "dimensionless"),
        ("1", "dimensionless"),
        ("L/h/kg", "litre_per_hour_kg"),
        ("bpm/(umol/L)", "bpm_per_uM"),
        ("h^2", "hour_hour"),
        ("uM", "uM"),
    ],
)
def test_both_spellings_mean_the_same(value_form, model_word):
    assert units.parse(value_form) == units.parse_word(model_word)
    assert units.word(units.parse(value_form)) == model_word


@given(DIMENSIONS)
def test_words_and_symbols_are_read_back(dimension):
    assert units.parse_word(units.word(dimension)) == dimension
    assert units.parse(units.symbol(dimension)) == dimension


@pytest.mark.parametrize("text", ["ng/mL", "min", "mg", "%", "L/", "/h", "L h", "(L/h", "L/h)", "2 h", "", "day"])
def test_other_units_and_broken_ones_are_refused(text):
    with pytest.raises(KetasimError):
        units.parse(text)


@pytest.mark.parametrize("text", ["per", "litre_per", "L_per_h", "mg", "umol_pr_hour", "per_per_hour"])
def test_broken_words_are_refused(text):
    with pytest.raises(KetasimError):
        units.parse_word(text)


def test_bpm_point_and_pressure_are_not_numbers_nor_frequencies():
    different = ("bpm", "point", "mmHg", "dimensionless", "1/h")
    assert len({units.parse(text) for text in different}) == len(different)
