"""A number whose uncertainty is normal may be negative (the fit of a hypothesis can put it there); a volume may not."""

import pytest

from ketasim.core import UsageError, value
from ketasim.scenario.run import _check_number


def test_a_logarithm_may_be_negative() -> None:
    known = value("small_study_drug")
    assert known.uncertain is not None and known.uncertain.kind == "normal"
    _check_number("small_study_drug", -0.03, {})


def test_a_volume_may_not() -> None:
    for key in ("central_volume", "resting_sbp"):  # the second has a normal uncertainty, and a unit
        with pytest.raises(UsageError, match="cannot be -1"):
            _check_number(key, -1.0, {})
