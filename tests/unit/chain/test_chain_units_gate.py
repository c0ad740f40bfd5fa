"""The unit gate on the toy chain: right text passes, and each kind of slip is caught and named where it is."""

import dataclasses

import pytest

from ketasim.chain.units_gate import unit_problems


def test_the_toy_chain_passes(toy):
    assert unit_problems(toy.compose(("toy_s", "toy_r", "toy_swallowed"))) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "message"),
    [
        (
            "intake/intake.ant",
            "toy_clearance*toy_middle/toy_size",
            "toy_clearance*toy_middle",
            "s_leaving",
            "should come out in umol/h",
        ),
        ("intake/intake.ant", "/toy_size;\nend", ";\nend", "s_toy_level", "should come out in umol/L"),
        ("response/bound.ant", "1 + toy_total", "toy_rate + toy_total", "toy_bound", "unlike units"),
        ("response/bound.ant", "toy_rate*(", "(", "toy_effect", "should come out in 1/h"),
        ("response/ligand.ant", "toy_level/toy_affinity", "exp(toy_level)", "s_toy_load", "pure number"),
        ("response/ligand.ant", "toy_level/toy_affinity", "toy_load_power^toy_affinity", "s_toy_load", "exponent"),
    ],
)
def test_slips_in_equations_are_named(toy, file, old, new, where, message):
    assert old in toy.files[file]
    toy.files[file] = toy.files[file].replace(old, new)
    if "toy_load_power" in new:
        toy.values["toy_load_power"] = dataclasses.replace(toy.values["toy_start"], key="toy_load_power")
    problems = unit_problems(toy.compose())
    assert any(p.where == where and message in p.what for p in problems), problems


HEAD = "model m\nunit hour = 3600 second; unit time_unit = hour;\n"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        # A factor 60 and a factor 1000: no message from libSBML's default check.
        (
            "unit per_min = 1/(60 second); k = 1; k has per_min; x' = k*x; x = 1; x has dimensionless;",
            "x",
            "should come out",
        ),
        # The hole in the strict check: a quotient of two concentrations in different units.
        (
            "unit gl = gram/litre; unit mgl = 1e-3 gram/litre; c = 1; c has gl; ec = 1; ec has mgl;"
            "e := c/ec; e has dimensionless;",
            "ec",
            "factor 1000",
        ),
        (
            "unit minute = 60 second; lag = 1; lag has minute; k = 1; k has hour; y := lag/k; y has dimensionless;",
            "time",
            "factor 60",
        ),
        ("q = 1; x := q + 1; x has dimensionless;", "q", "has no unit"),
        (
            "unit u = mole; c = 1; c has u; d = 1; d has u; n = 2; n has dimensionless;"
            "x := (c/d)^n; x has dimensionless;",
            "x",
            "power of a quotient",
        ),
        ("unit point = candela; p = 1; p has point; x := p + 1; x has point;", "x", "unlike units"),
        (
            "unit point = candela; unit mmHg = 133.322 pascal; p = 1; p has point; q = 1; q has mmHg;"
            "x := p + q; x has point;",
            "x",
            "unlike units",
        ),
    ],
)
def test_slips_that_the_default_check_of_libsbml_lets_pass(text, where, message):
    problems = unit_problems(HEAD + text + "\nend\n")
    assert any(p.where == where and message in p.what for p in problems), problems
