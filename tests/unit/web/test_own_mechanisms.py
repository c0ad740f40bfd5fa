"""A mechanism of one's own in the web app: named when it is started, listed, added to an explanation by the page's questions, and refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.exchange.templates import new
from ketasim.web.own import variants_with
from ketasim.web.questions import Question

WORDS = "ketamine iv 0.5 mg/kg over 40 min"
# the page's question gives the run of the command line with the same mechanism beside those of the explanation
SAME = f"""
import sys
from pathlib import Path
from ketasim.web.command import _read_parts
_read_parts([Path(sys.argv[1])])
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run
from ketasim.web import facts
from ketasim.web.own import variants_with
from ketasim.web.questions import Question
(part,) = [p for p in facts.catalogue()["own"] if p["kind"] == "stages"]
assert (part["name"], part["stage"], part["variant"]) == ("sigma_one", "circuit", "sigma_one"), part
(usual,) = variants_with(["sigma_one", "sigma_one"]).values()
assert usual[-1] == "sigma_one" and usual.count("sigma_one") == 1
quick = dict(people=0, days=2, draws=0, at="2, 24 h")
question = Question(scenario="{WORDS}", mechanisms=["sigma_one"], people=0, days=2, at="2, 24 h")
mine = run(scenario("{WORDS}", **question.options() | {{"draws": 0}}))
told = run(scenario("{WORDS}", variants={{"circuit": usual}}, **quick))
base = run(scenario("{WORDS}", **quick))
assert (mine["spines"].typical == told["spines"].typical).all()
assert mine["spines"].typical[-1] > 1.02 * base["spines"].typical[-1]
print("same")
"""


def test_a_mechanism_of_ones_own_is_that_of_the_command_line(tmp_path: Path) -> None:
    new("stage", "sigma_one", tmp_path)
    surroundings = {key: text for key, text in os.environ.items() if key != "KETASIM_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-c", SAME, str(tmp_path)], env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "same", done.stderr[-2000:]


def test_one_that_was_not_named_at_the_start_is_refused_by_name() -> None:
    with pytest.raises(UsageError) as refused:
        Question(scenario=WORDS, mechanisms=["sigma_one"]).options()
    assert "sigma_one" in refused.value.what and "--parts" in refused.value.fix
    assert variants_with([]) == {} and Question(scenario=WORDS).options()["variants"] is None


def test_a_folder_that_is_not_there_is_told_before_the_address(tmp_path: Path) -> None:
    script = f"from pathlib import Path; from ketasim.web.command import serve; serve(port=0, parts=[Path({str(tmp_path / 'none')!r})], browser=False)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "does not exist" in done.stderr and "Ketasim is at" not in done.stdout
