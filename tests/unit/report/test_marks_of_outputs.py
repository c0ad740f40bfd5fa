"""What nobody has measured in people says so: every output of the brain inside the model, and every number by its own basis."""

from __future__ import annotations

from ketasim.core import all_values, output_register

INSIDE = ("receptors", "circuit", "plasticity")
MEASURED = {"mu.antagonist_occupancy": "positron emission tomography with carfentanil in people"}


def test_every_output_inside_the_brain_carries_a_mark() -> None:
    bare = [o.name for o in output_register().values() if o.stage in INSIDE and not o.caveat and o.name not in MEASURED]
    assert bare == []


def test_what_is_rated_or_drawn_carries_none() -> None:
    assert [o.name for o in output_register().values() if o.stage in ("mood", "body", "plasma") and o.caveat] == []


def test_the_mark_of_a_number_follows_its_basis_and_grade() -> None:
    for v in all_values():
        if v.basis in ("assumed", "placeholder"):
            assert "assumed" in v.mark
        elif v.basis == "derived":
            assert "computed" in v.mark
        else:
            assert ("not in people" in v.mark) == (v.grade in "CD")
