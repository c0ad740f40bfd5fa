"""Parts of one's own: every template runs as it is written, nothing in the package is touched, and what is wrong is named with its file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim.core import UsageError
from ketasim.core.own import add_folder_of
from ketasim.decide.designs import designs_of
from ketasim.exchange.templates import KINDS, new

CHECK = """
import numpy as np
from ketasim.chain.hypothesis import hypotheses, lint_hypotheses
from ketasim.core import values
from ketasim.decide.designs import designs
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run

words = "ketamine iv 0.5 mg/kg over 40 min"
quick = dict(people=0, draws=0, days=2, at="2, 24 h")
usual = ("disinhibition", "opioid_gate")
base = run(scenario(words, variants={"circuit": usual}, **quick))
mine = run(scenario(words, variants={"circuit": (*usual, "sigma_one")}, **quick))
off = run(scenario(words, variants={"circuit": (*usual, "sigma_one")}, values={"sigma_one_weight": 0.0}, **quick))
assert mine["spines"].typical[-1] > 1.02 * base["spines"].typical[-1]
np.testing.assert_allclose(off["spines"].typical, base["spines"].typical, rtol=1e-4)
assert "OwnSigmaOne" in mine.record.values["sigma_one_weight"].source and "Own assumption" in mine.cite()
assert "my_view" in hypotheses() and "my_trial" in designs()
assert run(scenario(words, hypothesis="my_view", **quick))["madrs"].typical[-1] < 33
print("ran")
"""


def in_a_process(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    surroundings = os.environ | {"KETASIM_PLUGINS": str(folder)}
    return subprocess.run([sys.executable, "-c", script], env=surroundings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    for kind, name in (
        ("stage", "sigma_one"),
        ("hypothesis", "my_view"),
        ("design", "my_trial"),
        ("drug", "my_pill"),
        ("study", "mine"),
    ):
        files, commands = new(kind, name, folder)
        assert files and commands
    return folder


def test_a_mechanism_hypothesis_and_design_of_ones_own_run(own: Path) -> None:
    done = in_a_process(own, CHECK)
    assert done.stdout.strip() == "ran", done.stderr[-2000:]


def test_the_template_of_a_stage_is_short(own: Path) -> None:
    text = (own / "stages" / "sigma_one.toml").read_text() + (own / "stages" / "sigma_one.ant").read_text()
    assert len([line for line in text.splitlines() if line.strip()]) < 40


def test_drug_study_and_design_are_read_by_the_commands(own: Path, ketasim) -> None:
    assert (
        ketasim("run", "my pill iv 40 mg over 40 min", "--compound", str(own / "my_pill.toml"), "--people", "0").code
        == 0
    )
    assert ketasim("lint", "--studies", str(own / "studies")).code == 0
    assert list(designs_of(own / "designs" / "my_trial.toml")) == ["my_trial"]
    answer = ketasim("next-study", "opioid-gate", "disinhibition", "--design", str(own / "no.toml"))
    assert answer.code == 2 and "no.toml" in answer.err


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        (
            "stages/sigma_one.toml",
            'variant = "sigma_one"',
            'variant = "opioid_gate"',
            "has a variant opioid_gate already",
        ),
        ("stages/sigma_one.toml", 'stage = "circuit"', 'stage = "cortex"', "unknown stage 'cortex'"),
        ("stages/sigma_one.toml", 'file = "sigma_one.ant"', 'file = "../x.ant"', "does not lie beside it"),
        ("stages/sigma_one.toml", 'unit = "dimensionless"', "", "has no unit"),
        ("values/own_sigma_one.toml", 'source = "OwnSigmaOne"\n', "", "cannot exist without its source"),
        ("stages/sigma_one.ant", "nmda_occupancy^2/", "nmda_occupansy^2/", "nmda_occupansy"),
        (
            "hypotheses/my_view.toml",
            'circuit = ["disinhibition", "rest_block"',
            'circuit = ["disinhibition", "rest_blok"',
            "rest_blok",
        ),
    ],
)
def test_what_is_wrong_is_named(file: str, before: str, after: str, told: str, tmp_path: Path) -> None:
    new("stage", "sigma_one", tmp_path)
    new("hypothesis", "my_view", tmp_path)
    place = tmp_path / file
    text = place.read_text(encoding="utf-8")
    assert before in text
    place.write_text(text.replace(before, after, 1), encoding="utf-8")
    script = (
        "from ketasim.chain import compose\nfrom ketasim.chain.hypothesis import hypotheses\n"
        "hypotheses(); compose(variants={'circuit': ('disinhibition', 'sigma_one')})"
    )
    done = in_a_process(tmp_path, script)
    assert done.returncode == 1 and told in done.stderr, done.stderr[-1500:]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = in_a_process(tmp_path / "none", "from ketasim.core import value; value('central_volume')")
    assert "does not exist" in done.stderr


def test_nothing_is_overwritten_and_names_are_names(tmp_path: Path) -> None:
    assert set(KINDS) == {"stage", "drug", "study", "hypothesis", "finding", "design"}
    new("stage", "sigma_one", tmp_path)
    before = sorted(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    for kind, name in (
        ("stage", "sigma_one"),
        ("stage", "../x"),
        ("stage", "X"),
        ("model", "x1"),
        ("findings", "x1"),
        ("drug", "a" * 99),
    ):
        with pytest.raises(UsageError):
            new(kind, name, tmp_path)
    assert sorted(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()) == before
    with pytest.raises(UsageError, match="does not exist"):
        new("drug", "x1", tmp_path / "none")


def with_mechanism(folder: Path) -> Path:
    """What docs/how-to/parts-of-your-own.md says: a mechanism, and a hypothesis that picks it."""
    new("stage", "sigma_one", folder)
    (place,), _ = new("hypothesis", "sigma_view", folder)
    text = place.read_text(encoding="utf-8")
    text = text.replace('"disinhibition", "rest_block", "opioid_gate"', '"disinhibition", "opioid_gate", "sigma_one"')
    text = text.replace("rest_block_weight = {}", "sigma_one_weight = {}")
    place.write_text(text, encoding="utf-8")
    return place


LISTED = """
from ketasim.web import facts
from ketasim.evidence.weigh.weighing import weigh
found = facts.catalogue()
assert {(p["kind"], p["name"]) for p in found["own"]} == {("stages", "sigma_one"), ("hypotheses", "sigma_view"), ("findings", "probe_one")}
assert "sigma_view" in [h["name"] for h in found["hypotheses"]]
weighed = facts.weighed({}, True, ())
assert [f["counted"] for f in weighed["own_findings"]] == [True], weighed["own_findings"]
print("sigma_view" in {h["id"] for h in weighed["hypotheses"]}, weighed["not_weighed"])
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_mechanism_of_ones_own_is_weighed_and_stands_in_the_page(tmp_path: Path) -> None:
    """Calibrated with few draws: what is tested is that it gets its place, not its figure."""
    with_mechanism(tmp_path)
    new("finding", "probe_one", tmp_path)
    before = in_a_process(tmp_path, LISTED)
    assert before.stdout.strip() == "False ['sigma_view']", before.stderr[-2000:]
    fitted = in_a_process(
        tmp_path, "from ketasim.evidence.weigh.weigh_fit import main; main(['sigma_view', '--draws', '6'])"
    )
    assert fitted.returncode == 0, fitted.stderr[-2000:]
    after = in_a_process(tmp_path, LISTED)
    assert after.stdout.strip() == "True []", after.stderr[-2000:]


def test_a_file_brings_its_folder(tmp_path: Path) -> None:
    place, other = with_mechanism(tmp_path), tmp_path / "x" / "hypotheses" / "y.toml"
    script = (
        "from ketasim.core.own import add_folder_of, own_folders\n"
        f"print(add_folder_of({str(place)!r}) in own_folders())\n"
        "from ketasim.chain.hypothesis import hypotheses\nprint('sigma_view' in hypotheses())\n"
        f"print(add_folder_of({str(place)!r}).name)\nadd_folder_of({str(other)!r})"
    )
    other.parent.mkdir(parents=True)
    other.write_text("", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "True", tmp_path.name], done.stderr[-1500:]
    assert "read already in this process" in done.stderr
    beside = tmp_path / "lonely.toml"
    beside.write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="does not lie in a folder"):
        add_folder_of(beside)
    with pytest.raises(UsageError, match="no file"):
        add_folder_of(tmp_path / "hypotheses" / "none.toml")
