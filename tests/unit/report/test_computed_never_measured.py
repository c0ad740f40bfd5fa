"""What nobody has measured in people says so wherever it is shown, from one place: the register of outputs."""

from pathlib import Path

import pytest

import ketasim
from ketasim.core import output
from ketasim.report.show_text import output_text
from ketasim.report.text import run_text
from ketasim.scenario.compare import compare
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

INFUSION = "ketamine iv 0.5 mg/kg over 40 min"
SOURCE = Path(ketasim.__file__).parent


@pytest.mark.parametrize(
    ("name", "words"), [("nmda.occupancy", "computed, never measured in people"), ("glutamate", "cycling, not level")]
)
def test_caveat_label_and_show(name: str, words: str) -> None:
    entry = output(name)
    assert entry.caveat == words and words in entry.label  # captions of the web app are the labels
    assert words in output_text(entry) and entry.note in output_text(entry)


def test_a_run_says_it_beside_the_number() -> None:
    lines = run_text(run(scenario(INFUSION, days=1))).splitlines()
    receptors = " ".join(line for line in lines if "NMDA" in line)
    assert output("nmda.occupancy").caveat in receptors
    assert any("Glutamate" in line and output("glutamate").caveat in line for line in lines)


def test_compare_says_it_in_its_row() -> None:
    found = compare(scenario(INFUSION, days=1), scenario("esketamine nasal 84 mg", days=1))
    row = next(r for r in found.rows if r.name == "occupancy_peak")
    assert output("nmda.occupancy").caveat in row.label


def test_the_words_stand_in_one_place() -> None:
    caveat = output("nmda.occupancy").caveat
    said = [p.name for p in SOURCE.rglob("*.py") if caveat in p.read_text(encoding="utf-8") and p.name != "names.py"]
    assert said == []
