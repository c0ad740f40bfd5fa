"""Hostile and broken models at the engine's door: a clear refusal (exit code 2), a failed integration with time and state
(1), or the right numbers (0); never a crash, a hang, a traceback, or a number that is wrong in silence."""

from __future__ import annotations

import math as numbers
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from door import TIME, Door, ap, ci, cn, compartment, decay, math, one_species, parameters, rules, sbml, species

LEVEL = 'level="3" version="1"'
ONE = parameters(("x", 1, False)) + rules(("rate", "x", cn(1)))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    running = Door(tmp_path_factory.mktemp("door"))
    yield running
    running.close()


def package(name: str, required: str = "true") -> str:
    space = f"http://www.sbml.org/sbml/level3/version1/{name}/version1"
    return sbml(ONE, attributes=f'xmlns:{name}="{space}" {name}:required="{required}"')


def assigned(count: int, kind: str) -> str:
    """A chain of assignment rules whose tree has 2^count leaves though its graph has few nodes."""
    step = {
        "sum": "a{0} := a{1} + a{1};",
        "product": "a{0} := a{1}*a{1};",
        "fibonacci": "a{0} := a{1} + a{2};",
        "piecewise": "a{0} := piecewise(a{1} + 1, a{1} > {0}, a{1});",
    }[kind]
    lines = [step.format(i, i - 1, max(i - 2, 0)) for i in range(1, count)]
    return "x = 1.0000001; a0 := x; " + " ".join(lines) + f" x' = -1e-30*a{count - 1};"


# ---- refused: name -> (model, words that the message must hold) ---------------------------------------------------------------
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "empty"),
    "only blanks": (" \n\t ", "empty"),
    "broken XML": ("<sbml><model></sbml>", "not well-formed"),
    "cut XML": (sbml(ONE)[:-20], "not well-formed"),
    "HTML": ("<html><body>no model</body></html>", "libSBML"),
    "entity bomb": (
        '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + "&a;" * 50 + '">]><sbml>&b;</sbml>',
        "document type",
    ),
    "external entity": (
        '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]><sbml>&a;</sbml>',
        "document type",
    ),
    "zero character": ("x = 1;\0x' = 1;", "zero character"),
    "every byte": (bytes(range(256)) * 40, "utf-8"),
    "half a character": ("x\ud800 = 1;", "utf-8"),
    "too deep XML": (
        sbml(
            parameters(("x", 1, False)) + rules(("rate", "x", "<apply><sin/>" * 50_000 + ci("x") + "</apply>" * 50_000))
        ),
        "nested",
    ),
    "too deep brackets": ("x = 1; x' = " + "(" * 5000 + "x" + ")" * 5000 + ";", "nested"),
    "not Antimony": ("this is not a model {{{", "Antimony"),
    "letters that are not ASCII": ("modell \u00fc = 1; \u00e9' = 3", "Antimony"),
    "an import": ('model m\n  import "/etc/hostname"\n  x = 1; x\' = 1;\nend', "import"),
    "an import after a comment": ('/* a */ import "/etc/hostname"\nmodel m\n x = 1; x\' = 1;\nend', "import"),
    "an import behind a semicolon": ('x = 1; x\' = 1;import"/etc/hostname"', "import"),
    "event": (
        sbml(
            ONE
            + '<listOfEvents><event id="boom" useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
            + math(ap("gt", TIME, cn(3)))
            + "</trigger></event></listOfEvents>"
        ),
        "boom",
    ),
    "delay": (
        sbml(
            parameters(("x", 1, False))
            + rules(
                (
                    "rate",
                    "x",
                    '<apply><csymbol encoding="text" definitionURL='
                    '"http://www.sbml.org/sbml/symbols/delay">delay</csymbol><ci>x</ci><cn>1</cn></apply>',
                )
            )
        ),
        "delay",
    ),
    "algebraic rule": (
        sbml(
            parameters(("x", 1, False))
            + f"<listOfRules><algebraicRule>{math(ap('minus', ci('x'), cn(1)))}</algebraicRule></listOfRules>"
        ),
        "algebraic",
    ),
    "fast reaction": (sbml(one_species(decay(fast="true"))), "fast"),
    "constraint": (
        sbml(ONE + f"<listOfConstraints><constraint>{math(ap('gt', ci('x'), cn(0)))}</constraint></listOfConstraints>"),
        "constraint",
    ),
    "unknown species": (sbml(one_species(decay(reactant="zz"))), "zz"),
    "unknown identifier": (sbml(one_species(decay(law=ci("zz")))), "zz"),
    "unknown function": ("x = 1; x' = magic(x);", "magic"),
    "no kinetic law": (sbml(one_species(decay().split("<kineticLaw>")[0] + "</reaction>")), "kinetic law"),
    "circle of rules": (
        sbml(
            parameters(*((n, 1, False) for n in "xab"))
            + rules(("assignment", "a", ci("b")), ("assignment", "b", ci("a")), ("rate", "x", ci("a")))
        ),
        "circle",
    ),
    "recursive function": ("function f(x) f(x - 1); end\nmodel m\n x = 1; x' = f(x);\nend", "f"),
    "no value": (
        sbml(
            parameters(("x", 1, False)).replace("</listOf", '<parameter id="k" constant="true"/></listOf')
            + rules(("rate", "x", ci("k")))
        ),
        "k",
    ),
    "text for a number": (sbml(parameters(("x", "abc", False))), "double"),
    "a number beyond all": (sbml(parameters(("x", 1, False)) + rules(("rate", "x", cn("1e400")))), "double"),
    "negative compartment": (sbml(one_species(size=-1, amount=False)), "size"),
    "negative compartment of an amount": (sbml(one_species(size=-1)), "compartment 'c' has the size -1"),
    "negative compartment by initial assignment": (
        sbml(
            one_species(amount=False).replace(
                "<listOfReactions>",
                "<listOfInitialAssignments>"
                '<initialAssignment symbol="c">'
                + math(cn(-3))
                + "</initialAssignment></listOfInitialAssignments><listOfReactions>",
            )
        ),
        "compartment 'c' has the size -3",
    ),
    "negative compartment by assignment": (
        sbml(
            one_species(amount=False, fixed_size=False).replace(
                "<listOfReactions>", rules(("assignment", "c", cn(-2))) + "<listOfReactions>"
            )
        ),
        "compartment 'c' has the size -2",
    ),
    # invalid SBML that a reader could take silently, for a wrong number
    "two rate rules": (sbml(parameters(("x", 1, False)) + rules(("rate", "x", cn(1)), ("rate", "x", cn(2)))), "x"),
    "two assignment rules": (
        sbml(
            parameters(("x", 1, False), ("t", 1, False))
            + rules(("assignment", "x", cn(1)), ("assignment", "x", cn(2)), ("rate", "t", cn(1)))
        ),
        "x",
    ),
    "a rate and an assignment": (
        sbml(parameters(("x", 1, False)) + rules(("rate", "x", cn(1)), ("assignment", "x", cn(2)))),
        "x",
    ),
    "a parameter twice": (sbml(parameters(("x", 1, False), ("x", 2, False)) + rules(("rate", "x", cn(1)))), "x"),
    "a species twice": (
        sbml(
            compartment()
            + f"<listOfSpecies>{species()}{species()}</listOfSpecies><listOfReactions>{decay()}</listOfReactions>"
        ),
        "a",
    ),
    "a reaction twice": (sbml(one_species(decay() + decay())), "r"),
    "a species and a parameter": (
        sbml(one_species().replace("<listOfReactions>", parameters(("a", 2, True)) + "<listOfReactions>")),
        "a",
    ),
    "a rule and a reaction": (
        sbml(one_species().replace("<listOfReactions>", rules(("rate", "a", cn(5))) + "<listOfReactions>")),
        "a",
    ),
    "an assignment and a reaction": (
        sbml(one_species().replace("<listOfReactions>", rules(("assignment", "a", cn(5))) + "<listOfReactions>")),
        "a",
    ),
    "a constant species reacts": (sbml(one_species(constant=True)), "a"),
    "a rule on a constant": (sbml(parameters(("x", 1, True)) + rules(("rate", "x", cn(1)))), "x"),
    "a compartment that is not there": (sbml(one_species(place="nowhere")), "nowhere"),
    "an initial value for nothing": (
        sbml(
            parameters(("x", 1, False))
            + '<listOfInitialAssignments><initialAssignment symbol="zz">'
            + math(cn(3))
            + "</initialAssignment></listOfInitialAssignments>"
            + rules(("rate", "x", cn(1)))
        ),
        "zz",
    ),
}
# ---- fails while it runs: name -> (model, until, time of failure, its bounds, or None) -----------------------------------------------------------
FAILS: dict[str, tuple[str, str, float | tuple[float, float] | None]] = {
    "explodes": ("x = 1; x' = x^2;", "2", 1.0),
    "explodes faster": ("x = 1; x' = x^3;", "1", 0.5),
    "tangent": ("x = 0; x' = 1 + x^2;", "2", numbers.pi / 2),
    "exponential of itself": ("x = 1; x' = exp(x);", "1", numbers.exp(-1)),
    "runs into a singularity": ("x = 1; x' = -1/x;", "1", 0.5),
    "pole in time": ("x = 0; x' = 1/(time - 1.2345)^2;", "2", 1.2345),
    # between a tenth of the largest number and the largest: a step adds up stages that are a few times the state
    "overflow": ("x = 1; x' = x;", "1000", (numbers.log(sys.float_info.max / 10), numbers.log(sys.float_info.max))),
    "logarithm of nothing": ("x = 1; x' = -1; y = 0; y' = ln(x);", "10", 1.0),
    "root of a negative": ("x = 1; x' = -1; y = 0; y' = sqrt(x - 0.5);", "10", None),
    "division by zero at the start": ("x = 0; x' = 1/x;", "10", 0.0),
    "zero by zero": ("x = 0; x' = x/x;", "10", 0.0),
    "zero times infinity": ("x = 0; z = 0; x' = 0*(1/z) + 1;", "10", 0.0),
    "infinity minus infinity": ("x = 0; z = 0; x' = 1/z - 1/z;", "10", 0.0),
    "a constant that is no number": (
        sbml(parameters(("x", 1, False), ("k", "NaN", True)) + rules(("rate", "x", ci("k")))),
        "10",
        0.0,
    ),
    "zero times no number": (
        sbml(parameters(("x", 1, False), ("k", "NaN", True)) + rules(("rate", "x", ap("times", cn(0), ci("k"))))),
        "10",
        0.0,
    ),
    "an infinite constant": (
        sbml(parameters(("x", 1, False), ("k", "INF", True)) + rules(("rate", "x", ci("k")))),
        "10",
        0.0,
    ),
    "a start that is no number": (sbml(parameters(("x", "NaN", False)) + rules(("rate", "x", cn(1)))), "10", 0.0),
    "no size": (sbml(one_species(size=0, amount=False)), "10", 0.0),
    "a size that is no number": (sbml(one_species(size="NaN", amount=False)), "10", 0.0),
    "stoichiometry that is no number": (sbml(one_species(decay(stoichiometry="NaN"))), "10", 0.0),
    "a size that shrinks through zero": (
        sbml(
            one_species(amount=False, fixed_size=False).replace(
                "<listOfReactions>", rules(("rate", "c", cn(-0.3))) + "<listOfReactions>"
            )
        ),
        "10",
        10 / 3,
    ),
    "a size that an assignment makes negative": (
        sbml(
            one_species(fixed_size=False).replace(
                "<listOfReactions>", rules(("assignment", "c", ap("minus", cn(1), TIME))) + "<listOfReactions>"
            )
        ),
        "10",
        1.0,
    ),
    "a size that is negative for a while": (
        sbml(
            one_species(fixed_size=False).replace(
                "<listOfReactions>", rules(("assignment", "c", ap("cos", TIME))) + "<listOfReactions>"
            )
        ),
        "6.5",
        numbers.pi / 2,
    ),
    "faster than anything can follow": ("x = 1; y = 0; x' = 1e9*y; y' = -1e9*x;", "1000", None),
}
# ---- must be right, or fail; never wrong: name -> (model, until, state, exact value at the end, absolute tolerance) --------------------
RIGHT: dict[str, tuple[str, str, str, float, float]] = {
    "stiff beyond measure": ("x = 1; x' = -1e300*x;", "10", "x", 0.0, 1e-6),
    "decays for ever": ("x = 1; x' = -x;", "1e300", "x", 0.0, 1e-6),
    "a fast rotation": (
        "x = 1; y = 1; x' = 1e3*x - 1e6*y; y' = 1e6*x + 1e3*y;",
        "0.001",
        "x",
        numbers.e * (numbers.cos(1e3) - numbers.sin(1e3)),
        1e-4,
    ),
    "a pulse of seconds in a month": (
        "x = 0; x' = piecewise(1e5, time >= 500.3 && time < 500.30001, 0);",
        "1000",
        "x",
        1.0,
        1e-4,
    ),
    "a pulse in a square of time": (
        "x = 0; x' = piecewise(1e5, time^2 >= 250300 && time^2 < 250300.01, 0);",
        "1000",
        "x",
        0.99940,
        1e-3,
    ),
    "a pulse train": ("x = 0; x' = piecewise(100, rem(time, 24) < 0.01, 0);", "1008", "x", 42.0, 1e-2),
    "a pulse train with floor": (
        "x = 0; x' = piecewise(100, time - 24*floor(time/24) < 0.01, 0);",
        "1008",
        "x",
        42.0,
        1e-2,
    ),
    "a thousand flashes": (
        "x = 0; x' = piecewise(1, sin(6283.185307179586*time) > 0.99, 0);",
        "1",
        "x",
        numbers.acos(0.99) / numbers.pi,
        1e-4,
    ),
    "one hour by equality": ("x = 0; x' = piecewise(1, floor(time) == 500, 0);", "1000", "x", 1.0, 1e-4),
    "a clock that is a state": (
        "t = 0; t' = 1; x = 0; x' = piecewise(1e5, t >= 500.3 && t < 500.30001, 0);",
        "1000",
        "x",
        1.0,
        1e-2,
    ),
    "a threshold of an oscillation": (
        "a = 0; b = 1; a' = b; b' = -a; x = 0; x' = piecewise(1, a > 0.5, 0);",
        "62.83185307179586",
        "x",
        62.83185307179586 / 3,
        1e-3,
    ),
    "a staircase": ("x = 0; x' = floor(time);", "10", "x", 45.0, 1e-4),
    "a sawtooth": ("x = 0; x' = ceil(time) - time;", "10", "x", 5.0, 1e-4),
    "below zero in small units": (
        "x = 1e-4; x' = -1e-4; y = 0; y' = 1e3*sqrt(x) + 1;",
        "1",
        "y",
        1e3 * 1e-2 * 2 / 3 + 1,
        1e-3,
    ),
    "a removable zero": ("y = 1; y' = -1; x = 0; x' = 1/(y - 0.5) - 1/(y - 0.5);", "1", "x", 0.0, 1e-9),
}
# ---- large: refused, failed or right within the limit of time -----------------------------------------------------------------------
LARGE: dict[str, str] = {
    **{f"Antimony: {kind} of 60 rules": assigned(60, kind) for kind in ("sum", "product", "fibonacci", "piecewise")},
    "functions that double": "function f0(a) a + a; end\n"
    + "".join(f"function f{i}(a) f{i - 1}(f{i - 1}(a)); end\n" for i in range(1, 24))
    + "model m\n x = 1; x' = -1e-30*f23(x);\nend",
    "120 states, all coupled": " ".join(
        f"x{i} = 1; x{i}' = -x{i} + 1e-3*sin({'+'.join(f'x{j}' for j in range(120))} + {i});" for i in range(120)
    ),
    "a sum of 100 000": "x = 1; x' = " + "+".join(["x*1e-9"] * 100_000) + ";",
    "a difference of 20 000": "x = 1; x' = " + "-".join(["x*1e-9"] * 20_000) + ";",
    "a condition of 20 000": "x = 1; x' = piecewise(1, " + "&&".join(["x > 0"] * 20_000) + ", 2);",
    "5 000 sines": sbml(
        parameters(("x", 1, False))
        + rules(
            (
                "rate",
                "x",
                ap("times", cn(-1e-6), ap("plus", *(ap("sin", ap("times", ci("x"), cn(i))) for i in range(5000)))),
            )
        )
    ),
    "a sine 900 deep": sbml(
        parameters(("x", 1, False)) + rules(("rate", "x", "<apply><sin/>" * 900 + ci("x") + "</apply>" * 900))
    ),
    "2 000 states in a row": " ".join(f"x{i} = 1; x{i}' = -x{i}{f'+x{i - 1}' if i else ''};" for i in range(2000)),
}


def xml_or_antimony(model: str | bytes) -> str:
    return ".xml" if model[:1] in ("<", b"<") else ".ant"


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str, door: Door) -> None:
    model, words = REFUSED[name]
    answer = door(model, suffix=xml_or_antimony(model))
    assert answer.code == 2 and answer.out == "", (answer.code, answer.out[:200], answer.err[-300:])
    assert words in answer.err and "Traceback" not in answer.err and "root:" not in answer.err
    assert len(answer.err) < 1500


@pytest.mark.parametrize("name", ["comp", "distrib", "foo"])
def test_a_package_that_is_declared_and_not_used_changes_nothing(name: str, door: Door) -> None:
    answer, plain = door(package(name), suffix=".xml"), door(sbml(ONE), suffix=".xml")
    assert answer.code == plain.code == 0 and answer.out == plain.out


@pytest.mark.parametrize("name", FAILS)
@pytest.mark.parametrize("rtol", ["1e-9", "1e-3"])
def test_fails_with_time_and_state(name: str, rtol: str, door: Door) -> None:
    model, until, when = FAILS[name]
    answer = door(model, "--rtol", rtol, "--atol", rtol, suffix=xml_or_antimony(model), until=until)
    assert answer.code == 1 and answer.out == "", (answer.code, answer.out[-200:], answer.err[-300:])
    assert "failed" in answer.err and "Traceback" not in answer.err
    if when is None:
        return
    found = float(answer.err.split(" at time ")[1].split()[0].rstrip(",;.:"))
    if isinstance(when, tuple):
        assert when[0] < found < when[1]
    else:
        assert found == pytest.approx(when, abs=1e-3 if rtol == "1e-9" else 0.05)


@pytest.mark.parametrize("name", RIGHT)
def test_right_or_failed_but_never_wrong(name: str, door: Door) -> None:
    model, until, state, exact, close = RIGHT[name]
    answer = door(model, "--rtol", "1e-7", "--atol", "1e-10", until=until)
    assert answer.code in (0, 1), answer.err[-300:]
    if answer.code == 0:
        assert answer.last(state) == pytest.approx(exact, abs=close)
    else:
        assert "failed" in answer.err


@pytest.mark.slow  # minutes: some only end at their limits
@pytest.mark.parametrize("name", LARGE)
def test_large_models_are_refused_or_done_in_time(name: str, door: Door) -> None:
    model = LARGE[name]
    answer = door(model, suffix=xml_or_antimony(model), points="2", limit=60.0)
    assert answer.code in (0, 1, 2), (answer.code, answer.err[-300:])
    if answer.code == 0:
        assert np.isfinite(list(answer.table().values())).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--until", "nan"], "after"),
        (["--until", "inf"], "after"),
        (["--until", "-1"], "after"),
        (["--points", "1"], "--points"),
        (["--points", "100000000"], "--points"),
        (["--rtol", "0"], "rtol"),
        (["--rtol", "nan"], "rtol"),
        (["--atol", "0"], "atol"),
        (["--atol", "nan"], "atol"),
        (["--set", "k"], "NAME=NUMBER"),
        (["--set", "kk=1"], "kk"),
        (["--csv", "/nowhere/x.csv"], "written"),
        (["--start", "20"], "after"),
    ],
)
def test_wrong_words(words: list[str], message: str, door: Door) -> None:
    answer = door("x = 1; k = 1; x' = -k*x;", *words)
    assert answer.code == 2 and message in answer.err and "Traceback" not in answer.err, (answer.code, answer.err)


@pytest.mark.parametrize("setting", ["k=nan", "k=inf", "V=-1", "V=0"])
def test_constants_that_cannot_be(setting: str, door: Door) -> None:
    answer = door("compartment V = 2; species A in V; A = 1; k = 1; J: A -> ; k*A*V;", "--set", setting)
    assert answer.code in (1, 2) and setting[0] in answer.err and answer.out == ""
