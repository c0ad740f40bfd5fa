"""What the engine's door did not do in 0.1.0: each right value with more than the instance that was found."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from door import Door, one_species, sbml

from ketasim.engine.read.packages import without_packages
from ketasim.engine.run.streaming import free_name

CORE = "http://www.sbml.org/sbml/level3/version1/"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    running = Door(tmp_path_factory.mktemp("door"))
    yield running
    running.close()


def declared(name: str, required: str) -> str:
    plain = sbml(one_species(amount=False, size=4))
    return plain.replace("<sbml ", f'<sbml xmlns:q="{CORE}{name}/version1" q:required="{required}" ', 1)


@pytest.mark.parametrize("name", ["comp", "fbc", "qual", "layout", "render", "multi", "distrib", "arrays"])
@pytest.mark.parametrize("required", ["true", "false"])
def test_a_package_that_is_declared_and_not_used(name: str, required: str, door: Door) -> None:
    answer = door(declared(name, required), suffix=".xml", until="10", points="2")
    assert answer.code == 0, answer.err
    assert answer.last("a") == pytest.approx(0.25 * math.exp(-10 / 4), rel=1e-7)


def test_a_drawing_is_left_out_and_lines_stay() -> None:
    text = declared("layout", "false").replace(
        "</model>", '<q:listOfLayouts>\n<q:layout q:id="L">\n</q:layout></q:listOfLayouts>\n</model>'
    )
    clean = without_packages(text)
    assert "layout" not in clean and clean.count("\n") == text.count("\n") and len(clean) == len(text)


def test_a_package_that_is_used_and_needed_is_refused_by_name(door: Door) -> None:
    text = declared("comp", "true").replace(
        "</model>", '<q:listOfPorts><q:port q:id="p" q:idRef="a"/></q:listOfPorts></model>'
    )
    answer = door(text, suffix=".xml")
    assert answer.code == 2 and "'comp'" in answer.err


def test_the_start_of_a_species_and_of_a_variable(door: Door) -> None:
    text = "compartment c = 1; species A in c; A = 5; k = 0.1; J: A -> ; k*A; x = 1; x' = -x;"
    answer = door(text, "--set", "A=7", "--set", "x=3", "--set", "k=0.2", until="10", points="2")
    assert answer.last("A") == pytest.approx(7 * math.exp(-2), rel=1e-7)
    assert answer.last("x") == pytest.approx(3 * math.exp(-10), rel=1e-6)
    wrong = door(text, "--set", "B=7")
    assert wrong.code == 2 and "initial" not in wrong.err


def test_a_species_called_time(door: Door) -> None:
    body = one_species(amount=False, size=1).replace('id="a"', 'id="time"').replace('species="a"', 'species="time"')
    answer = door(sbml(body.replace("<ci>a</ci>", "<ci>time</ci>")), suffix=".xml", until="2", points="2")
    assert answer.code == 0, answer.err
    head = answer.out.split("\n")[0].split(",")
    assert head == ["simulation_time", "time"] and answer.last("time") == pytest.approx(math.exp(-2), rel=1e-7)
    assert free_name("time", ["time", "simulation_time"]) == "simulation_time_2" and free_name("time", ["t"]) == "time"


def test_the_number_of_steps_and_its_remedy(door: Door) -> None:
    text = "x = 1; y = 0; w = 10; x' = -w*y; y' = w*x;"
    few = door(text, "--max-steps", "1000", until="100")
    assert few.code == 1 and "more than 1,000" in few.err and "--max-steps 10000" in few.err
    answer = door(text, until="1000", points="2")  # 1,600 turns
    assert (answer.last("x"), answer.last("y")) == pytest.approx((math.cos(1e4), math.sin(1e4)), abs=1e-5)


def test_tolerances_are_told_and_can_be_given_for_one_state(door: Door) -> None:
    text = "A = 1e-18; B = 1; A' = -A; B' = -B;"
    answer = door(text, until="2", points="2")
    assert "1e-12 of the largest" in answer.err
    assert answer.last("A") == pytest.approx(1e-18 * math.exp(-2), rel=1e-6)
    assert "1e-25 of A, else" in door(text, "--atol", "A=1e-25").err
    assert "absolute 1e-10" in door(text, "--atol", "1e-10").err
    assert door(text, "--atol", "1e-10", "--atol", "A=1").code == 2
    assert door(text, "--atol", "C=1e-10").code == 2


@pytest.mark.parametrize("text", ["x = 1; x' = x^2;", "x = 0; x' = ln(0.5 - time);"])
def test_no_unit_of_time_is_invented(text: str, door: Door) -> None:
    answer = door(text, until="3")
    assert answer.code == 1 and " h" not in answer.err.replace(" has ", "")


@pytest.mark.parametrize(
    ("rate", "until", "exact"),
    [("max(cos(time), cos(1.3*time)) - 0.5*y", "3", -0.120476), ("max(1, 1 + 0.1*time^2) - 0.5*y", "3", 2.415399)],
)
def test_sides_that_touch_at_the_start(rate: str, until: str, exact: float, door: Door) -> None:
    assert door(f"y = 0.98; y' = {rate};", until=until, points="2").last("y") == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("condition", ["sin(1/time) > 0", "sin(time)^2 + cos(time)^2 < 1", "sin(1e9*time) > 0.5"])
def test_what_cannot_be_resolved_is_refused_by_name(condition: str, door: Door) -> None:
    answer = door(f"y = 0; y' = piecewise(1, {condition}, 0);", until="20")
    assert answer.code == 2 and "sin(" in answer.err and "switches in time" in answer.err
