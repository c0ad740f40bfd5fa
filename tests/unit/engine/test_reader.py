"""What is read, what is refused by name, and hostile text."""

from __future__ import annotations

import math
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import KetasimError, UsageError
from ketasim.engine import Schedule, compile_model
from ketasim.engine.door import read_file
from ketasim.engine.read import libraries, library_process
from ketasim.engine.read.reader import LARGEST_TEXT, read_model


def at_end(text: str, *outputs: str, end: float = 2.0, rtol: float = 1e-10) -> list[float]:
    model = compile_model(text, (), outputs)
    plan = [Schedule(np.array([0.0, end]), np.zeros((1, 0)))]
    result = model.simulate(np.zeros((1, 0)), plan, [0], [end], rtol=rtol, atol=1e-13)
    assert result.reasons == [None]
    return [float(v) for v in result.values[0, 0]]


SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m" {attributes}>{body}</model></sbml>"""
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">'


def sbml(body: str, attributes: str = "") -> str:
    return SBML.format(body=body, attributes=attributes)


def test_rules_in_any_order_and_functions() -> None:
    text = """
      function half(a) a/2; end
      function twice(a, b) half(a)*4 + b - b; end
      z := y + 1; y := twice(x, 3); x' = w; w := v; v = u*2; u = 0.25; x = 1;
    """
    assert at_end(text, "x", "z") == pytest.approx([2.0, 5.0])


def test_initial_assignments_use_each_other_and_the_start() -> None:
    text = "a = b*2; b = c + s; c = 3; species s; compartment V = 2; s in V; s = 4; k = a; x = k; x' = 0;"
    assert at_end(text, "x") == pytest.approx([14.0])


def test_amounts_and_concentrations() -> None:
    text = """
      compartment V = 4; species A in V; substanceOnly species B in V; A = 2; B = 0; k = 0.5;
      R: A -> B; k*A*V;
    """
    a = 2 * math.exp(-1)
    assert at_end(text, "A", "amount(A)", "B", "concentration(B)") == pytest.approx([a, 4 * a, 8 - 4 * a, 2 - a])


def test_a_compartment_that_grows_dilutes() -> None:
    text = "compartment V; V = 1; V' = 1; species A in V; A = 3; k = 0.5; R: A -> ; k*A*V;"
    amount = 3 * math.exp(-1)
    assert at_end(text, "A", "amount(A)", "V") == pytest.approx([amount / 3, amount, 3.0])
    text = "compartment V; V := 1 + time; species $A in V; A = 3; x = 0; x' = A;"
    assert at_end(text, "A", "x") == pytest.approx([1.0, 3 * math.log(3)])


def test_an_output_may_be_a_sum_of_others() -> None:
    text = "compartment V = 4; species A in V; A = 1; x = 3; k = 0.5; A' = -k*A; x' = -k*x; y := 2*x;"
    left = float(np.exp(-1.0))
    assert at_end(text, "sum(A, x, y)", "sum(amount(A),x)") == pytest.approx([10 * left, 7 * left])
    with pytest.raises(UsageError, match="unknown output 'z'"):
        compile_model(text, (), ("sum(A, z)",))


def test_a_sum_keeps_the_states_that_it_needs_and_no_others() -> None:
    text = "A = 1; B = 0; C = 0; A' = -A; B' = A; C' = A;"
    assert set(compile_model(text, (), ("sum(A, B)",)).active_states) == {"A", "B"}


def test_stoichiometry_conversion_factor_and_boundary() -> None:
    body = (
        """
      <listOfCompartments><compartment id="V" size="1" constant="true"/></listOfCompartments>
      <listOfSpecies>
        <species id="A" compartment="V" initialAmount="1" hasOnlySubstanceUnits="true" boundaryCondition="true" constant="false"/>
        <species id="B" compartment="V" initialAmount="0" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"
          conversionFactor="ten"/>
        <species id="C" compartment="V" initialAmount="0" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/>
      </listOfSpecies>
      <listOfParameters><parameter id="ten" value="10" constant="true"/><parameter id="three" value="3" constant="true"/>
        <parameter id="flow" constant="false"/></listOfParameters>
      <listOfRules><assignmentRule variable="flow">"""
        + MATH
        + """<ci> R </ci></math></assignmentRule></listOfRules>
      <listOfReactions><reaction id="R" reversible="false">
        <listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
        <listOfProducts><speciesReference species="B" stoichiometry="2" constant="true"/>
          <speciesReference id="n" species="C" stoichiometry="5" constant="true"/></listOfProducts>
        <kineticLaw>"""
        + MATH
        + """<apply><times/><ci> A </ci><ci> k </ci></apply></math>
          <listOfLocalParameters><localParameter id="k" value="0.5"/></listOfLocalParameters></kineticLaw>
      </reaction></listOfReactions>"""
    )
    assert at_end(sbml(body, 'conversionFactor="three"'), "A", "B", "C", "flow") == pytest.approx(
        [1.0, 20.0, 15.0, 0.5]
    )


def test_avogadro_rate_of_and_older_levels() -> None:
    body = (
        """<listOfParameters><parameter id="x" value="1" constant="false"/><parameter id="y" constant="false"/>
      <parameter id="a" constant="false"/></listOfParameters><listOfRules>
      <rateRule variable="x">"""
        + MATH
        + """<apply><minus/><ci> x </ci></apply></math></rateRule>
      <assignmentRule variable="y">"""
        + MATH
        + """<apply><csymbol encoding="text"
       definitionURL="http://www.sbml.org/sbml/symbols/rateOf"> rateOf </csymbol><ci> x </ci></apply></math></assignmentRule>
      <assignmentRule variable="a">"""
        + MATH
        + """<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/avogadro">
       N </csymbol></math></assignmentRule></listOfRules>"""
    )
    assert at_end(sbml(body), "y", "a") == pytest.approx([-math.exp(-2), 6.02214179e23])
    old = """<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m"><listOfCompartments>
      <compartment id="V" size="2"/></listOfCompartments><listOfSpecies><species id="A" compartment="V" initialConcentration="3"/>
      </listOfSpecies><listOfReactions><reaction id="R" reversible="false"><listOfReactants><speciesReference species="A"/>
      </listOfReactants><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>V</ci><ci>A</ci></apply>
      </math></kineticLaw></reaction></listOfReactions></model></sbml>"""
    assert at_end(old, "A") == pytest.approx([3 * math.exp(-2)])


MATHEMATICS = {
    "sin(x)": math.sin(0.7),
    "cos(x)": math.cos(0.7),
    "tan(x)": math.tan(0.7),
    "sec(x)": 1 / math.cos(0.7),
    "csc(x)": 1 / math.sin(0.7),
    "cot(x)": 1 / math.tan(0.7),
    "sinh(x)": math.sinh(0.7),
    "cosh(x)": math.cosh(0.7),
    "tanh(x)": math.tanh(0.7),
    "sech(x)": 1 / math.cosh(0.7),
    "csch(x)": 1 / math.sinh(0.7),
    "coth(x)": 1 / math.tanh(0.7),
    "arcsin(x)": math.asin(0.7),
    "arccos(x)": math.acos(0.7),
    "arctan(x)": math.atan(0.7),
    "arcsinh(x)": math.asinh(0.7),
    "arctanh(x)": math.atanh(0.7),
    "arccosh(2*x)": math.acosh(1.4),
    "arcsec(2*x)": math.acos(1 / 1.4),
    "arccsc(2*x)": math.asin(1 / 1.4),
    "arccot(x)": math.atan(1 / 0.7),
    "arcsech(x)": math.acosh(1 / 0.7),
    "arccsch(x)": math.asinh(1 / 0.7),
    "arccoth(2*x)": math.atanh(1 / 1.4),
    "exp(x)": math.exp(0.7),
    "ln(x)": math.log(0.7),
    "log10(x)": math.log10(0.7),
    "log(2, x)": math.log2(0.7),
    "sqrt(x)": math.sqrt(0.7),
    "root(3, x)": 0.7 ** (1 / 3),
    "x^2.5": 0.7**2.5,
    "x^-2": 0.7**-2,
    "2^x": 2**0.7,
    "x^x": 0.7**0.7,
    "abs(-x)": 0.7,
    "floor(3*x)": 2.0,
    "ceil(3*x)": 3.0,
    "factorial(4)": 24.0,
    "factorial(floor(8*x))": 120.0,
    "min(x, 1, 0.2)": 0.2,
    "max(x, 0.1, 0.9)": 0.9,
    "pi": math.pi,
    "exponentiale": math.e,
    "piecewise(1, x > 1, 2, x > 0.5, 3)": 2.0,
    "piecewise(1, x > 1, 5)": 5.0,
    "rem(-7*x, 2)": -0.9,
    "quotient(7*x, 2)": 2.0,
    "piecewise(1, x < 1 && !(x < 0.1), 0)": 1.0,
    "piecewise(1, x >= 1 || x <= 0.1, 0)": 0.0,
    "piecewise(1, xor(x > 0, x > 1), 0)": 1.0,
    "piecewise(1, x == 0.7, 0)": 1.0,
    "piecewise(1, x != 0.7, 0)": 0.0,
    "piecewise(1, implies(x > 0, x > 1), 0)": 0.0,
    "time*x": 1.4,
}


def test_every_function_of_mathml() -> None:
    names = [f"f{i}" for i in range(len(MATHEMATICS))]
    rules = "; ".join(f"{n} := {expression}" for n, expression in zip(names, MATHEMATICS, strict=True))
    found = at_end(f"x = 0.7; x' = 0; {rules};", *names)
    for expression, value, exact in zip(MATHEMATICS, found, MATHEMATICS.values(), strict=True):
        assert value == pytest.approx(exact, rel=1e-12), expression
    folded = at_end(f"x = 0.7; {rules}; y = 0; y' = 0;", *names)
    assert folded == pytest.approx(list(MATHEMATICS.values()), rel=1e-12)


REFUSED = {
    "event": ("x = 1; x' = -x; E1: at x < 0.5: x = 1;", "event 'E1'"),
    "delay": ("x = 1; x' = -delay(x, 1);", "delay"),
    "circle in antimony": ("a := b; b := a;", "Loop"),
    "circle": (
        sbml(
            "<listOfParameters>"
            + "".join(f'<parameter id="{i}" constant="false"/>' for i in "abc")
            + "</listOfParameters><listOfRules>"
            + "".join(
                f'<assignmentRule variable="{i}">{MATH}<ci>{j}</ci></math></assignmentRule>'
                for i, j in ("ab", "bc", "ca")
            )
            + "</listOfRules>"
        ),
        "a -> b -> c -> a",
    ),
    "import": ('import "other.ant"\nx = 1;', "import"),
    "no value": ("x = 1; x' = -k*x;", "'k' has no value"),
    "no rate": ("compartment V = 1; species A in V; A = 1; R: A -> ; ", "kinetic law"),
    "two rules": (
        sbml(
            """<listOfParameters><parameter id="x" value="1" constant="false"/></listOfParameters><listOfRules>
        <assignmentRule variable="x">"""
            + MATH
            + """<cn>1</cn></math></assignmentRule><rateRule variable="x">"""
            + MATH
            + """<cn>1</cn></math></rateRule></listOfRules>"""
        ),
        "x",
    ),
    "algebraic": (
        sbml(
            """<listOfParameters><parameter id="x" value="1" constant="false"/></listOfParameters><listOfRules>
        <algebraicRule>"""
            + MATH
            + """<apply><minus/><ci>x</ci><cn>1</cn></apply></math></algebraicRule></listOfRules>"""
        ),
        "algebraic",
    ),
    "package": (
        SBML.replace(
            "<sbml ", '<sbml xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true" '
        ).format(body='<comp:listOfPorts><comp:port comp:id="p" comp:idRef="x"/></comp:listOfPorts>', attributes=""),
        "package 'comp'",
    ),
    "fast": (
        """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model><listOfCompartments>
        <compartment id="V" size="1" constant="true"/></listOfCompartments><listOfReactions><reaction id="R9" fast="true"
        reversible="false"/></listOfReactions></model></sbml>""",
        "reaction 'R9'",
    ),
    "unknown name": ("x = 1; x' = -x*ghost(2);", "ghost"),
    "not antimony": ("this is { not a model", "Antimony"),
    "empty": ("   ", "empty"),
    "zero": ("x = 1;\0", "zero character"),
    "html": ("<html><body>hello</body></html>", "SBML"),
    "malformed": ("<sbml><model></sbml>", "well-formed"),
    "entity bomb": ('<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><sbml>&b;</sbml>', "document type"),
    "external entity": ('<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><sbml>&x;</sbml>', "document type"),
    "deep xml": ("<a>" * 5000 + "</a>" * 5000, "nested"),
    "deep formula": ("x := " + "(" * 5000 + "1" + ")" * 5000 + ";", "nested"),
    "recursive function": (
        sbml(
            """<listOfFunctionDefinitions><functionDefinition id="f">"""
            + MATH
            + """<lambda><bvar><ci>a</ci></bvar>
        <apply><ci>f</ci><ci>a</ci></apply></lambda></math></functionDefinition></listOfFunctionDefinitions><listOfParameters>
        <parameter id="x" constant="false"/></listOfParameters><listOfRules><assignmentRule variable="x">"""
            + MATH
            + """<apply>
        <ci>f</ci><cn>1</cn></apply></math></assignmentRule></listOfRules>"""
        ),
        "f",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(KetasimError) as caught:
        compile_model(text, (), ("*",))
    assert message in str(caught.value)


def test_large_text_is_refused() -> None:
    with pytest.raises(UsageError, match="characters"):
        read_model("x" * (LARGEST_TEXT + 1))


def rule(variable: str, formula: str) -> str:
    return f'<assignmentRule variable="{variable}">{MATH}{formula}</math></assignmentRule>'


def test_long_sums_and_long_chains_of_rules_are_read() -> None:
    many = 1500
    parameters = "".join(f'<parameter id="a{i}" constant="false"/>' for i in range(many)) + (
        f'<parameter id="a{many}" value="0" constant="true"/><parameter id="x" value="1" constant="false"/>'
        '<parameter id="y" constant="false"/>'
    )
    rules = "".join(rule(f"a{i}", f"<apply><plus/><ci>a{i + 1}</ci><ci>x</ci></apply>") for i in range(many))
    rules += rule("y", "<apply><plus/>" + "<ci>x</ci>" * 3000 + "</apply>")
    rules += f'<rateRule variable="x">{MATH}<cn>0</cn></math></rateRule>'
    body = f"<listOfParameters>{parameters}</listOfParameters><listOfRules>{rules}</listOfRules>"
    assert at_end(sbml(body), "a0", "y") == [many, 3000]


IMPORTS = {
    "at the start": ('import "/etc/hostname"', 1),
    "after blanks": ('x = 1;\n \t import "/etc/hostname"', 2),
    "after a comment": ('/* one\n two */ import "/etc/hostname"', 2),
    "after a semicolon": ('x = 1; x\' = 1;import"/etc/hostname"', 1),
    "after the end of a model": ('model m\n x = 1; x\' = 1;\nend; import "/etc/passwd"', 3),
    "after a quoted comment": ('x is "/*"; import "/etc/hostname" //*/', 1),
    "after a comment that holds a quote": ('x = 1; // "\nimport "/etc/hostname"', 2),
    "after a number": ('x = 1import "/etc/hostname"', 1),
    "after a number with an exponent": ('x = 1.5e3import "/etc/hostname"', 1),
    "before a comment": ('import/**/"/etc/hostname"', 1),
    "over two lines": ('x = 1; import \\\n "/etc/hostname"', 1),
    "after notes": ('model m\n```"```import "/etc/hostname"', 2),
    "after an open quote": ('x = 1; y is "\nimport "/etc/hostname"', 2),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_no_text_opens_another_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the text reached the library")

    monkeypatch.setattr(libraries, "ask", never)
    text, line = IMPORTS[name]
    with pytest.raises(UsageError, match="import") as caught:
        read_model(text)
    assert caught.value.where == f"line {line}"


def test_the_word_import_is_no_import() -> None:
    text = """# import "x.ant"
    /* import "x.ant" */ x = 1; // import "x.ant"
    x is "import of glucose"; important = 2; glucose_import = 3; import2 = 4; x1import = 5;
    x' = important + glucose_import + import2 + x1import;"""
    found = read_model(text)
    assert found.parameters["x1import"].value == 5 and "x" in found.rates


def test_lines_of_errors_are_those_of_the_text() -> None:
    with pytest.raises(UsageError, match="line 4"):
        read_model("/* one\n two */ x = 1;\n# three\nx' = = 1;")
    with pytest.raises(UsageError, match="Antimony has no character 'é'") as caught:
        read_model('x = 1; // é\nx is "é";\né = 2;')
    assert caught.value.where == "line 3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1; x' = " + "+".join(["x*1e-9"] * 30_000) + ";", "cannot be read within"),
        (
            "x = 1.1; a0 := x; " + " ".join(f"a{i} := a{i - 1}*a{i - 1};" for i in range(1, 60)) + " x' = a59;",
            "59 assignment|60 assignment",
        ),
    ],
)
def test_what_hangs_the_library_is_refused_and_the_next_text_is_read(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "LONGEST", 0.3)
    read_model("y = 1; y' = 2;")
    with pytest.raises(UsageError, match=message):
        read_model(text)
    monkeypatch.setattr(libraries, "LONGEST", 25.0)
    assert "z" in read_model(f"z = {len(text)}; z' = 2;").rates


def test_a_library_that_ends_its_process_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries._Process, "ask", lambda self, request: None)
    with pytest.raises(UsageError, match="gave up"):
        read_model("gone = 1; gone' = 2;")
    monkeypatch.undo()
    assert "gone" in read_model("gone = 1; gone' = 2;").rates


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes of this kind")
def test_no_package_opens_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    os.mkfifo(other)  # whoever opens it waits for ever
    text = sbml("", "").replace(
        "<sbml ", '<sbml xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true" '
    )
    text = text.replace(
        "</model>",
        '<comp:listOfSubmodels><comp:submodel comp:id="A" comp:modelRef="E"/></comp:listOfSubmodels></model>'
        f'<comp:listOfExternalModelDefinitions><comp:externalModelDefinition comp:id="E" comp:source="file://{other}" comp:modelRef="q"/>'
        "</comp:listOfExternalModelDefinitions>",
    )
    assert library_process.check(text) == []
    with pytest.raises(UsageError, match="package 'comp'"):
        read_model(text)


def test_a_valid_model_that_names_no_modifier_is_read_and_each_broken_rule_is_explained() -> None:
    body = (
        """<listOfCompartments><compartment id="c" size="2" constant="true"/></listOfCompartments><listOfSpecies>
        <species id="a" compartment="c" initialAmount="1" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/>
        <species id="b" compartment="c" initialAmount="1" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="{constant}"/>
        </listOfSpecies>{more}<listOfReactions><reaction id="r" reversible="false"><listOfProducts><speciesReference species="a"
        stoichiometry="1" constant="true"/></listOfProducts><kineticLaw>"""
        + MATH
        + "<ci>b</ci></math></kineticLaw></reaction></listOfReactions>"
    )
    assert "r" in read_model(sbml(body.format(constant="true", more=""))).reactions
    two = "".join(
        f'<initialAssignment symbol="{s}">{MATH}<cn>{n}</cn></math></initialAssignment>'
        for s, n in (("b", 1), ("b", 2))
    )
    with pytest.raises(UsageError, match="not valid SBML") as caught:
        read_model(
            sbml(body.format(constant="true", more=f"<listOfInitialAssignments>{two}</listOfInitialAssignments>"))
        )
    assert "'b'" in caught.value.where and "rule 20802" in caught.value.allowed
    both = f'<listOfInitialAssignments><initialAssignment symbol="b">{MATH}<cn>1</cn></math></initialAssignment></listOfInitialAssignments>'
    both += f"<listOfRules>{rule('b', '<cn>3</cn>')}</listOfRules>"
    with pytest.raises(UsageError, match="not valid SBML") as caught:
        read_model(sbml(body.format(constant="false", more=both)))
    assert "'b'" in caught.value.where and "rule 20803" in caught.value.allowed


def test_functions_that_double_at_every_level_are_refused() -> None:
    functions = "function f0(a) a + a; end\n" + "".join(
        f"function f{i}(a) f{i - 1}(f{i - 1}(a)); end\n" for i in range(1, 24)
    )
    with pytest.raises(UsageError, match="1,000,000 operations in all"):
        compile_model(functions + "model m\n x = 1; x' = -1e-30*f23(x);\nend")
    few = functions.split("function f6")[0]
    assert at_end(few + "model m\n x = 0; x' = f5(1e-9);\nend", "x") == pytest.approx([2 * 2**32 * 1e-9])


def test_half_a_character_is_refused() -> None:
    for text in ("x\ud800 = 1;", sbml("<notes>\udfff</notes>")):
        with pytest.raises(UsageError, match="UTF-8"):
            read_model(text)


def test_files_of_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "m.xml"
    text = sbml("<notes><p xmlns='http://www.w3.org/1999/xhtml'>\u00e9</p></notes>")
    path.write_bytes(text.replace("UTF-8", "ISO-8859-1").encode("latin-1"))
    assert read_model(read_file(path)).name == "m"
    path.write_bytes(text.replace("UTF-8", "EBCDIC-CP-BE").encode("latin-1"))
    with pytest.raises(UsageError, match="encoded"):
        read_file(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError):
        read_file(path)


@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="no processor time is counted here")
def test_a_busy_machine_is_no_reason_to_refuse_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts processor time: a reader that gets none for twice the limit still answers."""
    monkeypatch.setattr(libraries, "LONGEST", 0.5)
    read_model("warm = 1; warm' = 2;")
    ask = libraries._Process.ask

    def starved(self: libraries._Process, request: dict[str, object]) -> dict[str, object] | None:
        os.kill(self.child.pid, signal.SIGSTOP)
        go_on = threading.Timer(1.2, os.kill, (self.child.pid, signal.SIGCONT))
        go_on.start()
        try:
            return ask(self, request)
        finally:
            go_on.join()

    monkeypatch.setattr(libraries._Process, "ask", starved)
    assert "starved" in read_model("starved = 1; starved' = 2;").rates
