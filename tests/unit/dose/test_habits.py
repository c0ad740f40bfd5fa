"""What people write by habit: named for what it is; a line to try only where the same dose is certain, never another one."""

from __future__ import annotations

import pytest

from ketasim.core import UsageError
from ketasim.dose import parse

B = "ketamine iv 0.5 mg/kg over 40 min"
SAME = [  # what is written, what it can only mean
    ("iv ketamine 0.5 mg/kg over 40 min", B),
    ("intravenous ketamine 0.5 mg/kg over 40 min", B),
    ("0.5 mg/kg ketamine iv over 40 min", B),
    ("0.5 mg/kg of ketamine iv over 40 min", B),
    ("84 mg esketamine nasal twice weekly x 8", "esketamine nasal 84 mg twice weekly x 8"),
    ("ketamine iv 0.5 mg/kg ovr 40 min", B),
    ("ketamine iv ½ mg/kg over 40 min", B),
    ("ketamine iv 1½ mg/kg over 40 min", "ketamine iv 1.5 mg/kg over 40 min"),
    ("ketamine iv 0.5 mg·kg⁻¹ over 40 min", B),
    ("ketamine iv 0.5 mg kg-1 over 40 min", B),
    ("ketamine iv 1'000 ug over 40 min", "ketamine iv 1000 ug over 40 min"),
    ("ketamine iv 1_000 ug over 40 min", "ketamine iv 1000 ug over 40 min"),
    ("ketamine iv ~0.5 mg/kg over 40 min", B),
    ("ketamine iv about 0.5 mg/kg over 40 min", B),
    (f"{B} @ 0, 3, 7 d", f"{B} at 0, 3, 7 d"),
    (f"{B} at 0 3 7 d", f"{B} at 0, 3, 7 d"),
    (f"{B} on days 0 3 7", f"{B} at 0, 3, 7 d"),
    (f"{B} + midazolam iv 2 mg", f"{B} with midazolam iv 2 mg"),
    (f"{B} and naltrexone oral 50 mg", f"{B} with naltrexone oral 50 mg"),
    (f"{B} & naltrexone oral 50 mg at -45 min", f"{B} with naltrexone oral 50 mg at -45 min"),
    ("esketamine nasal 84 mg 2x/week x 8", "esketamine nasal 84 mg twice weekly x 8"),
    ("esketamine nasal 84 mg twice/week x 8", "esketamine nasal 84 mg twice weekly x 8"),
    ("esketamine nasal 84 mg once/week x 4", "esketamine nasal 84 mg weekly x 4"),
]
ASKED = [  # what is written, a word of the answer
    ("ketamine iv 35 mL over 40 min", "concentration"),
    ("ketamine oral 2 tablets", "concentration"),
    ("esketamine nasal 3 x 28 mg", "84 mg at once, or 28 mg"),
    ("ketamine iv 0.5-1 mg/kg over 40 min", "range"),
    ("ketamine iv 0.5 to 1 mg/kg over 40 min", "range"),
    ("ketamine iv 0.5 mg/kg over 40–60 min", "range"),
    ("ketamine iv 0.5 mg/kg over 40 min over 60 min", "two durations"),
    ("ketamine iv 0.5 mg/kg 35 mg over 40 min", "two amounts"),
    ("ketamine iv oral 0.5 mg/kg over 40 min", "two routes"),
    ("40 min ketamine iv 0.5 mg/kg", "A number stands first"),
    ("iv fluketamine 0.5 mg/kg", "A route stands first"),
    ("ketamine iv 1,000 ug over 40 min", "which is meant"),
    ("ketamine iv 0.5 mg/lb over 40 min", "not a unit"),
]


@pytest.mark.parametrize(("written", "meant"), SAME)
def test_the_line_to_try_is_the_dose_that_was_written(written: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(written)
    assert parse(refused.value.fix) == parse(meant)


@pytest.mark.parametrize(("written", "word"), ASKED)
def test_what_cannot_be_known_is_asked(written: str, word: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(written)
    assert refused.value.fix == ""
    assert word in f"{refused.value.what} {refused.value.allowed}"


def test_a_volume_is_an_amount_where_the_drug_is_taken_by_volume() -> None:
    assert parse(f"{B} with grapefruit juice oral 200 mL at 0 min")
    with pytest.raises(UsageError) as refused:
        parse(f"{B} with grapefruit juice oral 200000 mL at 0 min")
    assert "concentration" not in refused.value.what
