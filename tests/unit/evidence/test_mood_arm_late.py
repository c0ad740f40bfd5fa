"""The late shift between studies builds up while a trial lasts; the other one is there at once."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.evidence.arms.mood_arm import StudyEffects
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.compare.predict import EFFECTS, Evidence, all_evidence
from ketasim.ratings.between import built_up


def test_the_late_shift_is_worked_out_by_hand() -> None:
    assert built_up([-5.0, 0.0, 336.0, 672.0], 336.0) == pytest.approx([0.0, 0.0, 1 - np.exp(-1), 1 - np.exp(-2)])


def test_a_late_shift_is_that_of_the_setting_times_what_has_built_up() -> None:
    block = next(b for b in all_evidence().blocks if b.study.id == "Daly2018")
    rows = [i for i, r in enumerate(block.rows) if r.row.statistic == "change_mean"]
    alone, numbers = Evidence((block,)), Numbers()
    slopes = alone.slopes(numbers)[0]
    times = np.array([block.rows[i].row.time_h for i in rows])
    grown = built_up(times, numbers("between_late_time"))
    assert slopes["late"][rows] == pytest.approx(slopes["setting"][rows] * grown, rel=0.03)
    assert set(EFFECTS) == set(slopes) and EFFECTS["late"] == StudyEffects(late=0.04)
