"""Scales of mood have one home and one spelling: `ratings.scales`."""

from __future__ import annotations

from pathlib import Path

import pytest

import ketasim
from ketasim.core import UsageError, value
from ketasim.evidence.published.vocabulary import SCALE_RANGES
from ketasim.person.fields import mood_scales, scale_names, scales
from ketasim.ratings.scales import (
    CROSSWALKS,
    REMISSION,
    SCALES,
    SELF_RATED,
    per_point,
    remission_cut,
    scale_family,
)


def test_the_keys_of_the_crosswalks_stand_in_one_file() -> None:
    root = Path(ketasim.__file__).parent
    keys = {*filter(None, CROSSWALKS.values()), *REMISSION.values()}
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if any(f'"{key}"' in path.read_text(encoding="utf-8") for key in keys - {"remission_madrs"})
    }
    assert found == {"ratings/scales.py"}


def test_persons_trials_and_studies_spell_a_scale_alike() -> None:
    assert mood_scales() == ("MADRS", "HAM-D17", "QIDS-SR16", "PHQ-9")
    assert set(mood_scales()) <= set(SCALES) <= set(SCALE_RANGES)
    for name in mood_scales():
        assert (scales()[name].low, scales()[name].high) == SCALE_RANGES[name]
        assert (scales()[name].rater == "self") == (name in SELF_RATED)
    assert {scale_names()[word] for word in ("hamd17", "hamd", "ham-d17", "hdrs")} == {"HAM-D17"}


def test_points_and_cuts_are_those_of_the_knowledge() -> None:
    assert per_point("MADRS") == 1.0
    for scale, key in (("HAM-D25", "crosswalk_hamd"), ("QIDS-C16", "crosswalk_qids"), ("PHQ-9", "crosswalk_phq")):
        assert per_point(scale) == value(key).value
        assert remission_cut(scale) == value(REMISSION[scale_family(scale)]).value / value(key).value


def test_a_scale_without_crosswalk_is_refused() -> None:
    assert scale_family("HAM-D6") == "HAM-D6"
    assert scale_family("BDI") == "BDI"
    for scale in ("HAM-D6", "BDI", "HAMD17"):
        with pytest.raises(UsageError):
            per_point(scale)
