"""Reading one file: what is kept, and that everything else is refused with line and remedy."""

from pathlib import Path

import pytest

from ketasim.chain.syntax import parse, tokens_of


def read(body):
    return parse(f"model m\n{body}\nend\n", Path("stage/file.ant"))


def test_every_kind_of_statement_is_recognised():
    found = read(
        "compartment body_space = 1; body_space has litre;\n"
        "substanceOnly species a in body_space, b in body_space; a has umol, b has umol;\n"
        "const feed = 0, other = 0;\n"
        "r1: a + 2 b -> ; k*a^2  # into nothing\n"
        "r2: -> a; feed; x' = -loss*x; x = start; y := piecewise(x, x > 0, 0)\n"
        'x is "the // thing";'
    )
    assert not found.problems
    assert list(found.species) == ["a", "b"] and list(found.inputs) == ["feed", "other"]
    assert list(found.reactions) == ["r1", "r2"] and list(found.rates) == ["x"] and list(found.algebra) == ["y"]
    by_name = {s.targets[0]: s for s in found.statements if s.kind in ("reaction", "rate", "algebra", "start")}
    assert by_name["r1"].uses == ("a", "b", "k") and by_name["r1"].moved == ("a", "b")
    assert by_name["r1"].comment == "into nothing"
    assert by_name["y"].uses == ("x",)
    assert [s.targets[0] for s in found.statements if s.kind == "unit"] == ["a", "b"]


def test_identifiers_are_replaced_as_words_never_inside_longer_ones():
    statement = next(s for s in read("y := exp(-k*kk)*k_k + k").statements if s.kind == "algebra")
    assert statement.text({"k": "s_k", "exp": "wrong"} | {"exp": "exp"}) == "y := exp(-s_k*kk)*k_k + s_k"


@pytest.mark.parametrize("text", ["a:=b*(c-1)", "r: a -> b; k*a", 'x is "a b"', "1.5e-3*x<=2&&!y"])
def test_tokens_lose_nothing(text):
    assert "".join(tokens_of(text)) == text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("y := 0.5*x", "the number 0.5 stands naked"),
        ("y := x/1000", "the number 1000 stands naked"),
        ("y := x*1e3", "naked"),
        ("species a in body_space", "amounts"),
        ("substanceOnly species a in liver", "the only compartment"),
        ("at (x > 1): x = 0", "`at` is not used"),
        ("E1: at x > 1: x = 0", "r"),
        ("function f(x) x end", "`function` is not used"),
        ("unit mg = 1e-3 gram", "defined by the composer"),
        ("y := delay(x, 1)", "delay"),
        ("y := time*k", "time is a word of Antimony"),
        ("y := sin(x)", "sin"),
        ("y := pow(x, n)", "x^y"),
        ("y := (x/k)^n", "power of a quotient"),
        ("y := ((a + b)*x/k)^2", "power of a quotient"),
        ("volume := x", "word of Antimony"),
        ("a -> b; k*a", "needs a name"),
        ("r: a => b; k*a", "write `->`"),
        ("r: a -> b", "no rate"),
        ("const c = 3", "not a dose input"),
        ("y = k", "not a state"),
        ("y := x; y := z", "defined twice"),
        ("x' = k; x := k", "defined twice"),
        ("x' = k; x = 0; x = 1", "two start values"),
        ("y :=", "empty"),
        ("something else", "cannot read"),
        ("/* old */ y := x", "block comments"),
    ],
)
def test_what_is_not_allowed_is_named_with_its_line(line, message):
    problems = read(line).problems
    assert problems and any(message in str(p) for p in problems), problems
    assert problems[0].where == "stage/file.ant:2"


def test_a_sum_of_terms_over_a_common_denominator_is_no_power_of_a_quotient():
    assert not read("y := x^n/(k^n + x^n)\nz := (a + b)^2/(k*b)").problems


def test_a_file_without_frame_is_refused():
    problems = parse("y := x\n", Path("stage/file.ant")).problems
    assert "model" in problems[0].what
    assert "no `end`" in parse("model m\ny := x\n", Path("stage/file.ant")).problems[0].what
