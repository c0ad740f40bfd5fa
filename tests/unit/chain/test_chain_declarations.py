"""Declarations that do not fit together, and what is said about one identifier."""

import dataclasses

import pytest
from toy_chain import COPIES

from ketasim.chain.lint import _leaks
from ketasim.chain.registry import declaration_problems, registry
from ketasim.chain.show import explain
from ketasim.core import KetasimError, UsageError
from ketasim.core.ports import Fragment, Port


def said(toy):
    return "\n".join(str(p) for p in declaration_problems(registry(toy.stages())))


def test_a_sound_declaration_has_no_problem(toy):
    assert said(toy) == ""


@pytest.mark.parametrize(
    ("stage", "key", "change", "message"),
    [
        ("response", "inputs", (Port("s_toy_levl", "umol/L"),), "no stage gives the input s_toy_levl"),
        ("response", "inputs", (Port("s_toy_level", "L/h"),), "gives it in umol/L"),
        ("response", "inputs", (Port("s_toy_level", "umol/L", null=1.0),), "null"),
        ("intake", "inputs", (Port("toy_bound", "dimensionless"),), "further down the chain"),
        ("intake", "internal", (Port("toy_x", "ng/mL"),), "not a unit of the chain"),
        ("response", "outputs", (Port("toy_bound", "dimensionless"), Port("toy_nobody", "point")), "toy_nobody"),
        ("response", "default", ("ligand", "bound"), "the default variant ligand does not exist"),
    ],
)
def test_misfits_of_declarations_are_named(toy, stage, key, change, message):
    getattr(toy, stage)[key] = change
    assert message in said(toy)


def test_missing_unused_and_untrue_files_are_named(toy):
    toy.intake["fragments"] = {
        "main": (
            Fragment("intak.ant", instances=COPIES),
            Fragment("depot.ant", instances=COPIES, provides=("toy_levels",)),
        )
    }
    message = said(toy)
    assert "names intak.ant, which is not there" in message
    assert "intake/intake.ant: no variant of the stage uses this file" in message
    assert "says it provides toy_levels" in message


def test_a_port_declared_twice_is_refused(toy):
    toy.intake["internal"] = (Port("toy_bound", "dimensionless"),)
    with pytest.raises(KetasimError, match="declared twice"):
        registry(toy.stages())


def test_an_identifier_is_explained_by_its_equations_number_and_readers(toy):
    model = toy.compose(("toy_s", "toy_swallowed"))
    middle = explain("s_toy_middle", model)
    assert middle.kind == "state" and middle.unit == "umol"
    assert {e.name for e in middle.defined_by} == {"s_feeding", "s_leaving", "s_taking_up"}
    assert {e.name for e in middle.read_by} == {"s_toy_level"}
    size = explain("toy_size", model)
    assert size.kind == "parameter" and size.value == toy.values["toy_size"]
    assert {e.name for e in size.read_by} == {"s_leaving", "s_toy_level"}
    assert explain("toy_total", toy.compose(())).null == 0.0
    assert "(intake/intake.ant:8, copy s)" in "\n".join(middle.lines())
    with pytest.raises(UsageError, match="toy_size"):
        explain("toy_sise", model)


def test_values_keep_their_origin_in_the_composition(toy):
    parameter = toy.compose().parameters["toy_rate"]
    assert dataclasses.asdict(parameter) == dataclasses.asdict(toy.values["toy_rate"])


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("toy_middle -> toy_gone;", "toy_middle -> ;", "turns 1 into 0"),
        ("toy_middle -> toy_gone;", "toy_middle -> 2 toy_gone;", "turns 1 into 2"),
        ("-> toy_middle; toy_feed;", "-> toy_middle; toy_feed*toy_size/toy_size;", "turns 0 into 1"),
    ],
)
def test_amounts_that_appear_or_vanish_are_named(toy, old, new, found):
    assert _leaks([toy.compose()]) == []
    assert old in toy.files["intake/intake.ant"]
    toy.files["intake/intake.ant"] = toy.files["intake/intake.ant"].replace(old, new)
    assert any(found in p.what and p.where.startswith("intake/intake.ant:") for p in _leaks([toy.compose()]))
