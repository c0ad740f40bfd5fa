"""The published trials simulated again: which numbers are asked for, where they lie, what is covered, going on after a stop."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import UsageError
from ketasim.evidence.compare.outcomes import _outcome, crossover_chances
from ketasim.evidence.compare.replay import place_of
from ketasim.evidence.compare.replays import Replayed, Replays, replays, simulate, targets, until_last
from ketasim.evidence.published.studies import studies
from ketasim.report.outcomes_text import text as outcomes_text
from ketasim.report.replay_text import csv, page, text
from ketasim.trial.analyse import ancova
from ketasim.trial.library import find_design, library
from ketasim.trial.methods import crossover_changes
from ketasim.trial.simulate import Trial

ONE = {"sims": 4, "worlds": 2, "people": 16}


def row(pit: float, study: str = "A", kind: str = "difference") -> Replayed:
    return Replayed(
        study,
        study,
        kind,
        "change",
        "drug",
        "placebo",
        1.0,
        "MADRS",
        40,
        "fit",
        -4.0,
        -5.0,
        -9.0,
        -1.0,
        pit,
        {},
        ("r",),
        9,
    )


def card(rows: list[Replayed]) -> Replays:
    return Replays(tuple(rows), {}, 100, 10, 64, 1)


def test_coverage_of_what_is_right_is_right() -> None:
    """Uniform PIT: the central 50, 80, 95 % hold so many, and every tenth is as full as the others."""
    found = card([row((i + 0.5) / 1000, f"S{i % 50}") for i in range(1000)])
    covered = found.coverage()
    for level in (50, 80, 95):
        assert covered[str(level)]["by_row"] == pytest.approx(level / 100, abs=0.002)
        assert covered[str(level)]["by_study"] == pytest.approx(level / 100, abs=0.002)
    assert found.histogram() == [100] * 10


def test_a_study_counts_once_by_study() -> None:
    found = card([row(0.5, "many")] * 9 + [row(0.999, "one", "arm")])
    assert found.coverage()["95"]["by_row"] == 0.9 and found.coverage()["95"]["by_study"] == 0.5
    assert found.coverage()["95"]["se_over_studies"] == pytest.approx(0.5)  # SD of (1, 0) over root 2
    assert [len(rows) for rows in found.groups().values()] == [10, 9, 1, 0]
    assert found.histogram() == [0, 0, 0, 0, 0, 9, 0, 0, 0, 1]


def test_a_place_among_ties() -> None:
    assert place_of(np.array([1.0, 2.0, 2.0, 3.0]), 2.0) == 0.5 and place_of(np.array([1.0, 2.0]), 0.0) == 0.0


def test_every_design_is_asked_for_what_was_published_or_left_out_with_a_reason() -> None:
    asked = {name: targets(find_design(name)) for name in library()}
    differences = [name for name, found in asked.items() if any(one.versus for one in found)]
    assert {"Popova2019", "Fu2020", "Murrough2013", "Lapidus2014", "Williams2018", "Jelen2025"} <= set(differences)
    popova = [one for one in asked["Popova2019"] if one.versus and one.at_h == 648.0]
    assert [one.value for one in popova] == [-4.0]  # Popova 2019, day 28, LS mean difference
    for name, found in asked.items():
        design = find_design(name)
        for one in found:
            assert one.scale == design.scale and any(abs(one.at_h - t) < 1e-6 for t in design.visits_h)
            assert all(r.study == design.study for r in one.rows)
        pairs = [(one.measure, one.arm, one.versus, one.at_h) for one in found]
        assert len(pairs) == len(set(pairs)), name


def test_the_simulated_numbers_are_those_of_the_published_ones() -> None:
    """By hand on the replicates: mean change of an arm, share with half the score, difference of one visit (MMRM is then analysis of covariance)."""
    met = set()
    for name in ("Fu2020", "Zarate2006"):
        design, study = find_design(name), studies()[name]
        found = Trial(design, 1, count=1, people=16).replicates(3, design.n)
        for one in targets(design):
            made = simulate(design, study, one, found)
            j = list(design.visits_h).index(one.at_h)
            own = found.arm == design.names.index(one.arm)
            change = found.change[..., j]
            half = (found.score[..., j] <= 0.5 * found.baseline) & found.seen[..., j]
            shares = [half[r][own[r]].mean() - (half[r][~own[r]].mean() if one.versus else 0.0) for r in range(3)]
            if one.measure == "response":
                assert made == pytest.approx(shares)
            elif one.versus:
                assert made == pytest.approx(
                    ancova(change, found.arm, found.covariates["baseline"][..., None]).estimate[:, 0], rel=1e-6
                )
            elif one.measure == "change":
                assert made == pytest.approx([np.nanmean(change[r][own[r]]) for r in range(3)])
            met.add((one.measure, bool(one.versus)))
    assert {("change", False), ("change", True), ("response", True)} <= met


def test_it_goes_on_where_it_was_stopped_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = replays(["Zarate2006", "Leal2023"], folder=tmp_path, **ONE)
    files = {p.name: p.read_bytes() for p in tmp_path.glob("*.json")}
    assert set(first.without) == {"Leal2023"} and len(files) == 1 and first.rows
    monkeypatch.setattr(Trial, "replicates", lambda *a, **k: pytest.fail("simulated again"))
    again = replays(["Zarate2006"], folder=tmp_path, **ONE)
    assert again.rows == first.rows
    monkeypatch.undo()
    (tmp_path / next(iter(files))).write_bytes(b'[{"half":')
    assert replays(["Zarate2006"], folder=tmp_path, **ONE).rows == first.rows
    assert {p.name: p.read_bytes() for p in tmp_path.glob("*.json")} == files
    shown = [text(first), page(first), csv(first)]
    assert (
        all("Zarate2006" in words and "role" in words for words in shown[:1])
        and "Zarate2006,Zarate2006,arm" in shown[2]
    )
    assert "| differences between arms | " in shown[1] and "Not replayed: Leal2023" in shown[0]
    assert json.loads(first.to_json())["rows"][0]["covered"].keys() == {"50", "80", "95"}


def test_what_was_published_of_few_people_is_compared_with_what_few_people_publish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    monkeypatch.setattr(
        Trial, "replicates", lambda self, *a, **k: seen.append(self.design.small_study) or pytest.skip("seen")
    )
    with contextlib.suppress(pytest.skip.Exception):
        replays(["Zarate2006"], **ONE)
    assert seen == [True]  # double-blind
    assert find_design("Zarate2006").small_study is False


def test_the_command_and_its_mistakes(ketasim, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    replays(["Zarate2006"], sims=6, worlds=6, folder=keep, seed=3)
    done = ketasim("trial", "Zarate2006", "--replay", "--sims", "6", "--seed", "3", "--keep", str(keep), "--json")
    found = json.loads(done.out)
    assert done.code == 0 and {r["design"] for r in found["rows"]} == {"Zarate2006"}
    assert found["summary"]["differences"]["coverage"]["rows"] == 1
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    assert ketasim("trial", "--replay", "--keep", str(file)).code == 2
    assert ketasim("trial", "Zarate2066", "--replay").code == 2
    with pytest.raises(UsageError, match="9 worlds for 4 trials"):
        replays(["Zarate2006"], sims=4, worlds=9)


def test_one_simulated_trial_from_the_command_line(ketasim) -> None:
    done = ketasim("trial", "Zarate2006", "--one", "--n", "8", "--seed", "4")
    lines = done.out.splitlines()
    assert done.code == 0 and len(lines) == 1 + 8 * (1 + len(find_design("Zarate2006").visits_h))
    assert replace(find_design("Zarate2006"), n=8).n == 8 and lines[0].startswith("person,arm")


def test_published_outcomes_of_a_crossover_count_what_they_say() -> None:
    """A share counts where it is that very share, a ratio where it is within a tenth; a trial without responders has no share."""
    again = _outcome("W", 12, "gate", "again", 0.0, np.array([0.0, 0.0, 0.5, 1.0, np.nan]), [])
    assert (again.like, again.counted, again.at_most, again.mean) == (0.5, 4, 0.25, 0.375)
    assert again.se == pytest.approx(0.25)
    ratio = _outcome("J", 26, "none", "ratio", 0.72, np.array([0.65, 0.80, 0.83, 1.0]), [])
    assert ratio.like == 0.5 and ratio.at_most == 0.25
    rows = (again, _outcome("W", 12, "none", "again", 0.0, np.array([0.0, 0.2, 0.4, 0.4]), []))
    assert "under gate against none: 2 times as often" in outcomes_text(rows)
    with pytest.raises(UsageError, match="no outcome of a crossover"):
        crossover_chances(["Zarate2006"], sims=4, worlds=1)


def test_the_gate_lowers_what_naltrexone_leaves() -> None:
    """With the gate fewer respond again, both simulated as the trial was done (400 trials of 12 in eight worlds: in a single draw the gate may be nearly shut)."""
    found = crossover_chances(["Williams2018"], sims=400, worlds=8, people=24)
    gate, none = found
    assert (gate.hypothesis, none.hypothesis, gate.n) == ("opioid-gate", "disinhibition", 12)
    assert gate.mean < none.mean - 0.05 and gate.counted > 300 and gate.records


def test_each_treatment_of_a_crossover_has_its_own_mean() -> None:
    """The period with the drug is the first of those who begin with it and the second of the others."""
    design, study = find_design("Berman2000"), studies()["Berman2000"]
    found = Trial(design, 1, count=1, people=16).replicates(3, 10)
    first, second = crossover_changes(design, found)
    begins = found.arm == 0
    means = {one.arm: simulate(design, study, one, found) for one in targets(design) if not one.versus}
    for arm, rows in {"ketamine": np.where(begins, first, second), "saline": np.where(begins, second, first)}.items():
        assert means[arm] == pytest.approx(rows.mean(axis=1)), arm
    assert (means["ketamine"] != means["saline"]).all()


def test_what_comes_after_the_last_published_visit_is_not_simulated() -> None:
    """It changes nothing before: the same scores and who is gone, with the long follow-up and without it."""
    design = find_design("Wajs2020")
    asked = targets(design)
    short = until_last(design, asked)
    assert design.visits_h[-1] > 300 * 24 and short.visits_h[-1] == max(one.at_h for one in asked) == 27 * 24
    single = find_design("Zarate2006")
    assert until_last(single, targets(single)) is single  # nothing comes after
    longer = replace(single, visits_h=(*single.visits_h, single.visits_h[-1] + 48.0))
    cut = until_last(longer, targets(single))
    assert cut.visits_h == single.visits_h
    with_it, without = (Trial(d, 1, count=1, people=8).replicates(2, 12) for d in (longer, cut))
    last = len(cut.visits_h)
    assert with_it.score[..., :last] == pytest.approx(without.score, abs=1e-3)
    assert (np.minimum(with_it.gone, last) == without.gone).all() and (with_it.arm == without.arm).all()
