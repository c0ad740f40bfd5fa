"""Composing: copies, values, ports, totals, nulls; and that every misfit is an error that names its remedy."""

import dataclasses

import pytest
from toy_chain import COPIES, value

from ketasim.chain import CompositionError
from ketasim.core import UsageError
from ketasim.core.ports import Fragment, Port


def equations(model):
    return {e.name: e.text.split(":=")[-1].split("=", 1)[-1].strip() for e in model.equations if e.kind != "reaction"}


def test_copies_get_their_own_names_and_share_what_has_one_value(toy):
    model = toy.compose()
    assert model.states == ("s_toy_middle", "s_toy_gone", "r_toy_middle", "r_toy_gone", "toy_effect")
    assert model.inputs == ("s_toy_feed", "r_toy_feed")
    assert set(model.parameters) == {
        "toy_clearance",
        "toy_size",
        "toy_affinity",
        "r_toy_affinity",
        "toy_rate",
        "toy_start",
    }
    assert equations(model)["s_toy_load"] == "s_toy_level/toy_affinity"
    assert equations(model)["r_toy_load"] == "r_toy_level/r_toy_affinity"  # its own value comes before the shared one


def test_only_what_the_parts_need_is_composed(toy):
    model = toy.compose(("toy_s",))
    assert model.states == ("s_toy_middle", "s_toy_gone", "toy_effect")
    assert "r_toy" not in model.antimony and "r_toy_affinity" not in model.parameters
    assert model.nulls == {"r_toy_level": 0.0}
    assert toy.compose(()).states == ("toy_effect",)


def test_totals_sum_what_is_there_and_fall_to_their_null(toy):
    assert equations(toy.compose())["toy_total"] == "s_toy_load + r_toy_load"
    nothing = toy.compose(())
    assert nothing.nulls["toy_total"] == 0.0
    assert "const toy_total = 0; toy_total has dimensionless;" in nothing.antimony


def test_an_absent_neighbour_is_its_null_and_a_present_one_is_wired(toy):
    assert "const s_toy_depot_amount = 0;" in toy.compose(("toy_s",)).antimony
    both = toy.compose(("toy_s", "toy_swallowed"))
    assert "const s_toy_depot_amount" not in both.antimony
    assert "s_taking_up: s_toy_depot -> s_toy_middle; toy_uptake*s_toy_depot;" in both.antimony


def test_numbers_come_with_unit_and_source_after_the_first_equation_that_uses_them(toy):
    lines = toy.compose().antimony.splitlines()
    place = next(i for i, line in enumerate(lines) if "s_leaving:" in line)
    assert lines[place + 1].strip().startswith("toy_clearance = 2; toy_clearance has litre_per_hour;  // k, The toy_cl")
    assert "assumed, grade D; Nobody2000, Table 9" in lines[place + 1]
    assert sum("toy_clearance = 2" in line for line in lines) == 1


def test_comments_stay_and_are_not_repeated_for_further_copies(toy):
    text = toy.compose().antimony
    assert text.count("Amounts of one enantiomer.") == 1 and text.count("// by vein") == 1


def test_variants_can_be_switched_and_off_is_a_variant(toy):
    off = toy.compose((), {"response": "none"})
    assert off.states == () and set(off.nulls) == {"s_toy_level", "r_toy_level", "toy_bound", "toy_total"}
    assert off.variants["response"] == ("none",)


def test_the_same_request_gives_the_same_text_and_hash_and_numbers_change_it(toy):
    first, second = toy.compose(), toy.compose(("toy_r", "toy_s"))
    assert first.antimony == second.antimony and first.hash == second.hash
    toy.files["intake/intake.ant"] = toy.files["intake/intake.ant"].replace("by vein", "by drip")
    third = toy.compose()
    assert third.antimony != first.antimony and third.hash == first.hash  # comments do not count
    toy.values["toy_size"] = value("toy_size", 11.0, "L")
    assert toy.compose().hash != first.hash


def test_renamed_locals_and_two_parts_with_one_prefix_give_one_copy(toy):
    fragment = Fragment(
        "intake.ant", instances={**COPIES, "toy_pure_r": "r"}, shared=True, rename={"toy_level": "{instance}_toy_level"}
    )
    toy.intake["fragments"] = {"main": (fragment,)}
    model = toy.compose(("toy_pure_r", "toy_r"))
    assert model.states.count("r_toy_middle") == 1 and "r_toy_level" in model.outputs


def problems_of(toy, *args):
    with pytest.raises(CompositionError) as caught:
        toy.compose(*args)
    return str(caught.value)


def edit(toy, file, old, new):
    assert old in toy.files[file]
    toy.files[file] = toy.files[file].replace(old, new)


def test_unknown_and_unused_words_are_refused_with_the_nearest(toy):
    with pytest.raises(UsageError, match="toy_swallowed"):
        toy.compose(("toy_swalowed",))
    with pytest.raises(UsageError, match="response"):
        toy.compose(("toy_s",), {"respons": ("none",)})
    with pytest.raises(UsageError, match="ligands"):
        toy.compose(("toy_s",), {"response": ("ligand",)})
    with pytest.raises(UsageError, match="nothing in the chosen variants uses the part 'toy_swallowed'"):
        toy.compose(("toy_swallowed",))


def test_an_undefined_identifier_is_named_with_file_line_copy_and_nearest(toy):
    edit(toy, "response/ligand.ant", "toy_affinity", "toy_afinity")
    message = problems_of(toy)
    assert "response/ligand.ant:2 (copy s): nothing defines toy_afinity" in message
    assert "toy_affinity" in message.split("nearest")[1]


def test_a_missing_value_is_an_error(toy):
    del toy.values["toy_size"]
    assert "nothing defines toy_size" in problems_of(toy)


def test_all_problems_are_named_at_once(toy):
    edit(toy, "response/ligand.ant", "toy_affinity", "toy_afinity")
    del toy.values["toy_size"]
    message = problems_of(toy)
    assert "toy_afinity" in message and "toy_size" in message


def test_two_definitions_of_one_name_are_refused(toy):
    edit(toy, "response/bound.ant", "end", "  s_toy_load := 1; s_toy_load has dimensionless;\nend")
    assert "s_toy_load is already defined in response/ligand.ant (copy s)" in problems_of(toy)


def test_another_stages_port_cannot_be_defined(toy):
    edit(toy, "response/bound.ant", "end", "  s_toy_level := 1; s_toy_level has uM;\nend")
    assert "s_toy_level is a port of the stage intake" in problems_of(toy, ())


def test_a_definition_and_a_value_of_one_name_are_refused(toy):
    toy.values["toy_bound"] = value("toy_bound", 1.0, "dimensionless")
    assert "toy_bound is defined here and has a value" in problems_of(toy)


def test_units_must_agree_between_file_port_and_value(toy):
    toy.values["toy_affinity"] = dataclasses.replace(toy.values["toy_affinity"], unit="ng/mL")
    assert "not a unit of the chain" in problems_of(toy)
    toy.values["toy_affinity"] = value("toy_affinity", 1.0, "umol/L")
    edit(
        toy, "response/ligand.ant", "toy_load has dimensionless;", "toy_load has dimensionless; toy_affinity has umol;"
    )
    assert "toy_affinity is in umol/L there, but in umol" in problems_of(toy)


def test_a_port_unit_that_differs_from_the_file_is_refused(toy):
    toy.response["outputs"] = (Port("toy_bound", "point"), Port("toy_total", "dimensionless"))
    edit(toy, "response/bound.ant", "end", "  toy_bound has dimensionless;\nend")
    assert "toy_bound is in point there, but in dimensionless" in problems_of(toy)


def test_a_quantity_without_unit_is_refused(toy):
    edit(toy, "response/ligand.ant", "  toy_load has dimensionless;\n", "")
    assert "s_toy_load has no unit" in problems_of(toy)


def test_a_reaction_moves_species_only(toy):
    edit(toy, "intake/intake.ant", "toy_middle -> toy_gone", "toy_level -> toy_gone")
    assert "moves s_toy_level, which is not a species" in problems_of(toy)


def test_a_naked_number_in_a_file_stops_the_composition(toy):
    edit(toy, "response/bound.ant", "1 + toy_total", "1.5 + toy_total")
    assert "response/bound.ant:2: the number 1.5 stands naked" in problems_of(toy)


def test_a_total_that_a_file_defines_too_is_refused(toy):
    edit(toy, "response/bound.ant", "end", "  toy_total := 1; toy_total has dimensionless;\nend")
    assert "the total toy_total is also defined in a file" in problems_of(toy)


def test_two_units_for_one_name_and_words_that_are_no_unit_are_refused(toy):
    edit(toy, "response/ligand.ant", "end", "  s_toy_level has umol;\n  r_toy_level has uMol;\nend")
    edit(toy, "intake/intake.ant", "end", "  toy_level has uM;\nend")
    message = problems_of(toy)
    assert "s_toy_level has umol here and umol/L in intake/intake.ant" in message
    assert "'uMol' is not a unit of the chain" in message


def test_a_unit_for_something_that_is_nowhere_is_refused(toy):
    edit(toy, "response/bound.ant", "end", "  toy_bount has dimensionless;\nend")
    assert "toy_bount gets a unit here but is defined nowhere (nearest: toy_bound" in problems_of(toy)
