"""The package's own stages: they compose, their units add up, and the page in the repository is current."""

import pytest

from ketasim.chain import compose, registry
from ketasim.chain.__main__ import main
from ketasim.chain.lint import default_choice, lint
from ketasim.chain.units_gate import unit_problems
from ketasim.chain.whole import whole_path, whole_text
from ketasim.core import UsageError


def test_the_chain_has_no_problem_at_all():
    assert [str(problem) for problem in lint()] == []


def test_the_default_chain_passes_the_unit_gate():
    assert unit_problems(compose()) == []


def test_the_page_in_the_repository_is_the_chain_as_it_is():
    assert whole_path().read_text(encoding="utf-8") == whole_text(), "run: python -m ketasim.chain whole"


def test_every_number_on_the_page_has_a_source():
    lines = whole_text().splitlines()
    numbers = [line for line in lines if line.startswith("      ")]
    assert len(numbers) == len(compose().parameters)
    for line in numbers:
        assert " grade " in line.split("//")[1], line


@pytest.mark.parametrize("name", list(registry().stages))
def test_every_stage_can_be_switched_off(name):
    everything = [
        part for part, users in registry().parts.items() if part != "compound" and {s for s, _ in users} - {name}
    ]
    off = compose(tuple(everything), {name: ("none",)})
    assert all(off.defined[state][0] != name for state in off.states)
    assert off.variants == {**default_choice(registry()), name: ("none",)}


def test_the_tools_of_the_command_line_answer(capsys):
    assert main(["show", "central_volume"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("central_volume [L]: parameter") and "read by: s_to_shallow" in said
    assert main(["text", "s_ketamine"]) == 0
    assert capsys.readouterr().out == compose(("s_ketamine",)).antimony
    assert main(["check", "mood"]) == 0
    assert capsys.readouterr().out == "no problem\n"
    with pytest.raises(UsageError, match="whole"):
        main(["hole"])
