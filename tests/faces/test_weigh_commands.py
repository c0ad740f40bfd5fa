"""`ketasim weigh` and `ketasim next-study` as commands: words, JSON, exit codes, errors that teach."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import ketasim.evidence.weigh.weighing as weighing
from ketasim.chain.hypothesis import hypothesis
from ketasim.cli.main import main
from ketasim.evidence.weigh.weighing import Calibrated

NAMES = ("opioid-gate", "disinhibition", "hnk-ampa")
STUDIES = tuple(f"Study{i}" for i in range(24))
GROUPS = {name: "animal" if i >= 20 else "single IV" for i, name in enumerate(STUDIES)}
# Studies y_s ~ N(m, 1), m ~ N(centre, 0.5^2): the truth is the first centre, the second is near, the third far away.
CENTRES = {"opioid-gate": 0.0, "disinhibition": 0.1, "hnk-ampa": 4.0}


def toy(name: str, draws: int = 400) -> Calibrated:
    """A calibration drawn from its prior, so that the weights of the draws are their likelihoods."""
    rng = np.random.default_rng(5)
    y = np.random.default_rng(6).normal(size=len(STUDIES))
    z = rng.normal(size=draws)
    scores = norm.logpdf(y[None, :], (CENTRES[name] + 0.5 * z)[:, None], 1.0)
    held = norm.logpdf(np.zeros((1, 2)), (CENTRES[name] + 0.5 * z)[:, None], 1.0)
    return Calibrated(
        hypothesis(name),
        STUDIES,
        GROUPS,
        np.zeros(draws),
        scores,
        z[:, None],
        ("Later1", "Later2"),
        held,
        {},
        {},
        0.0,
        {},
    )


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing, "calibrated", toy)
    monkeypatch.setattr(weighing, "comparable", lambda: NAMES)


def said(monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command."""
    monkeypatch.setattr("sys.argv", ["ketasim", *words])
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return int(status or 0), out, err


def test_weigh_says_who_is_apart_and_who_is_not(shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    status, out, _ = said(monkeypatch, capsys, "weigh")
    assert status == 0
    places = [out.index(f"\n  {name}") for name in ("opioid-gate", "hnk-ampa")]
    assert places == sorted(places)
    groups = [line.strip() for line in out.splitlines() if line.strip() == "opioid-gate, disinhibition"]
    assert groups, "the two near hypotheses are named as one group"


def test_weigh_gives_one_json_object_with_every_figure(
    shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    status, out, _ = said(monkeypatch, capsys, "weigh", "--json")
    data = json.loads(out)
    assert status == 0
    rows = {h["id"]: h for h in data["hypotheses"]}
    assert set(rows) == set(NAMES)
    assert sum(r["weight"] for r in rows.values()) == pytest.approx(1.0)
    assert sum(r["stacking"] for r in rows.values()) == pytest.approx(1.0)
    assert rows["hnk-ampa"]["weight"] < 1e-6 and rows["opioid-gate"]["log_evidence"] > rows["hnk-ampa"]["log_evidence"]
    assert data["cannot_be_told_apart"] == [["opioid-gate", "disinhibition"]]
    assert set(data["evidence"]["studies"]) == set(STUDIES)
    assert set(data["not_weighed"]).isdisjoint(NAMES)


def test_weigh_gives_json_where_no_study_is_held_out(
    shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """As what ships: every study is fitted, so there is no held-out score, and no spread of one; null in the object, not NaN."""

    def none_held(name: str) -> Calibrated:
        return replace(toy(name), held_names=(), held=np.zeros((400, 0)))

    monkeypatch.setattr(weighing, "calibrated", none_held)
    status, out, _ = said(monkeypatch, capsys, "weigh", "--json")
    rows = json.loads(out)["hypotheses"]
    assert status == 0
    assert {(r["held_out"], r["held_out_se"]) for r in rows} == {(None, None)}


def test_weigh_is_deterministic(shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    first, second = (said(monkeypatch, capsys, "weigh", "--json")[1] for _ in range(2))
    assert first == second


def test_a_prior_moves_the_weight_and_not_the_evidence(
    shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def rows(*words: str) -> dict[str, Any]:
        return {h["id"]: h for h in json.loads(said(monkeypatch, capsys, "weigh", "--json", *words)[1])["hypotheses"]}

    even, moved = rows(), rows("--prior", "disinhibition=0.9")
    for name in NAMES:
        assert moved[name]["log_evidence"] == even[name]["log_evidence"]
    odds = [r["opioid-gate"]["weight"] / r["disinhibition"]["weight"] for r in (even, moved)]
    prior = [r["opioid-gate"]["prior"] / r["disinhibition"]["prior"] for r in (even, moved)]
    assert odds[1] / odds[0] == pytest.approx(prior[1] / prior[0])


def test_animals_and_studies_can_be_left_out(shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    _, out, _ = said(monkeypatch, capsys, "weigh", "--json", "--no-animals", "--without", "Study3")
    kept = json.loads(out)["evidence"]["studies"]
    assert "Study3" not in kept and not {n for n in kept if GROUPS[n] == "animal"} and len(kept) == 19
    _, text, _ = said(monkeypatch, capsys, "weigh", "--studies")
    assert all(f"\n  {name} " in text for name in STUDIES)


@pytest.mark.parametrize(
    ("words", "teaches"),
    [
        (("weigh", "--prior", "opioid-gate"), "expectancy-only=0.3"),
        (("weigh", "--prior", "opiod-gate=0.5"), "opioid-gate"),
        (("weigh", "--prior", "opioid-gate=1.5"), "between 0 and 1"),
        (("weigh", "--without", "Studdy3"), "Study3"),
        (("next-study", "opioid-gate"), "at least two"),
        (("next-study", "opioid-gate", "disinhibiton"), "disinhibition"),
        (("next-study", "opioid-gate", "disinhibition", "--design", "naltrexone-crosover"), "naltrexone-crossover"),
    ],
)
def test_wrong_use_ends_with_2_and_teaches(
    shipped: None, monkeypatch: pytest.MonkeyPatch, capsys: Any, words: tuple[str, ...], teaches: str
) -> None:
    status, out, err = said(monkeypatch, capsys, *words)
    assert status == 2 and out == "" and teaches in err and "Traceback" not in err
