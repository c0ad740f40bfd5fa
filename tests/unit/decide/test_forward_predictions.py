"""Dated predictions: weighted bands, differences to placebo, a fingerprint, a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ketasim.chain.hypothesis import hypotheses
from ketasim.core import KetasimError
from ketasim.core.records import NOTICE
from ketasim.decide import forward
from ketasim.decide.designs import Design, DesignArm
from ketasim.decide.forward import _band, fingerprint, forward_predictions, page, trials

NAMES = ("opioid-gate", "expectancy-only")


def test_a_band_is_median_and_ninety_percent_of_weighted_draws() -> None:
    x = np.linspace(0.0, 1.0, 2001)[np.random.default_rng(1).permutation(2001)]
    assert _band(x, np.full(2001, 1 / 2001)) == [0.5, 0.05, 0.95]
    # density 2x on [0, 1]: the quantile of q is sqrt(q)
    found = _band(x, x / x.sum())
    np.testing.assert_allclose(found, np.sqrt([0.5, 0.05, 0.95]), atol=0.006)
    assert _band(np.full(3, -0.001), np.full(3, 1 / 3)) == [0.0, 0.0, 0.0]  # no minus zero on the page


def test_the_trials_are_readable_and_have_a_placebo_arm_and_records() -> None:
    assert trials()
    for design, records in trials().values():
        assert records and "placebo" in {arm.name for arm in design.arms}


class Told:
    """A believer whose arms are known: draw k of an arm has mean k times the number of letters of its name."""

    def __init__(self, entry: Any, draws: int) -> None:
        self.entry, self.weights = entry, np.full(draws, 1.0 / draws)
        self.factor = 1.0 if entry.drug_effect else 0.0

    def outcome(self, design: Design, arm: DesignArm) -> Any:
        draws = np.arange(len(self.weights), dtype=float)[:, None]
        mean = self.factor * len(arm.name) * draws * np.ones(len(design.measures)) + 5.0
        return SimpleNamespace(mean=mean)


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(forward, "Believer", Told)
    return forward_predictions(NAMES, draws=101)


def test_a_prediction_is_the_difference_to_placebo_draw_by_draw(predicted: dict[str, Any]) -> None:
    assert set(predicted) == set(trials())
    for name, (design, records) in trials().items():
        entry = predicted[name]
        assert entry["records"] == list(records) and set(entry["difference_to_placebo"]) == set(NAMES)
        for arm, measures in entry["difference_to_placebo"]["opioid-gate"].items():
            slope = len(arm) - len("placebo")  # draws 0..100: median 50, 5th and 95th percentile near 5 and 95
            low, high = sorted((slope * 4.55, slope * 95.45))
            for band in measures.values():
                assert band[0] == pytest.approx(50 * slope)
                assert band[1:] == pytest.approx([low, high], abs=0.02 * abs(slope) + 1e-9)
        for measures in entry["difference_to_placebo"]["expectancy-only"].values():
            assert all(band == [0.0, 0.0, 0.0] for band in measures.values())
        arms = {arm.name for arm in design.arms} - {"placebo"}
        assert set(entry["difference_to_placebo"]["opioid-gate"]) == arms


def test_the_fingerprint_is_of_the_content(predicted: dict[str, Any]) -> None:
    turned = json.loads(json.dumps(predicted, sort_keys=True))
    again = dict(reversed(list(turned.items())))
    assert fingerprint(again) == fingerprint(predicted) and len(fingerprint(predicted)) == 64
    first = next(iter(turned.values()))
    next(iter(first["difference_to_placebo"]["opioid-gate"].values()))["cadss"][0] += 0.01
    assert fingerprint(turned) != fingerprint(predicted)


def test_the_page_carries_the_data_its_hash_and_no_promise(predicted: dict[str, Any]) -> None:
    text = page(predicted, "2026-01-31", {"opioid-gate": 0.75, "expectancy-only": 0.25})
    assert "2026-01-31" in text and NOTICE in text and fingerprint(predicted) in text
    data = json.loads(text.split("```json\n")[1].split("\n```")[0])
    assert fingerprint(data) == fingerprint(predicted)
    assert text.count("| opioid-gate | 0.75 |") == sum(len(design.arms) - 1 for design, _ in trials().values())
    for word in ("cure", "safe", "optimal", "recommended"):
        assert word not in text.lower()


def test_the_command_writes_the_page_and_names_who_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    rows = [SimpleNamespace(entry=SimpleNamespace(id=name), weight=0.5) for name in NAMES]
    monkeypatch.setattr(forward, "Believer", Told)
    monkeypatch.setattr(forward, "comparable", lambda: NAMES)
    monkeypatch.setattr(forward, "weigh", lambda: SimpleNamespace(rows=rows))
    place = tmp_path / "page.md"
    assert forward.main(["--write", str(place)]) == 0
    text = place.read_text(encoding="utf-8")
    assert fingerprint(forward_predictions(NAMES)) in text
    assert str(place) in capsys.readouterr().out
    missing = text.rsplit("No prediction", 1)[1]
    assert all((name in missing) == (name not in NAMES) for name in hypotheses())
    assert forward.main([]) == 0
    assert capsys.readouterr().out == text


DOCS = Path(__file__).parents[3] / "docs"


def shifted(predictions: dict[str, Any]) -> dict[str, Any]:
    """Other predictions of the same form."""
    other = json.loads(json.dumps(predictions))
    next(iter(next(iter(other.values()))["difference_to_placebo"]["opioid-gate"].values()))["cadss"][0] += 1.0
    return dict(other)


def test_an_older_table_is_kept_as_it_was_under_its_day(predicted: dict[str, Any], tmp_path: Path) -> None:
    weights = {"opioid-gate": 0.75, "expectancy-only": 0.25}
    place = tmp_path / "forward.md"
    first, second = page(predicted, "2026-01-31", weights), page(shifted(predicted), "2026-02-01", weights)
    assert forward.keep_and_write(place, first) == fingerprint(predicted)
    assert "nothing written" in forward.keep_and_write(place, page(predicted, "2026-02-02", weights))
    assert place.read_text(encoding="utf-8") == first  # the same predictions get no new day
    forward.keep_and_write(place, second)
    kept = tmp_path / "forward-2026-01-31.md"
    assert kept.read_text(encoding="utf-8") == first
    assert "[2026-01-31](forward-2026-01-31.md)" in place.read_text(encoding="utf-8")
    assert forward.dated(place.read_text(encoding="utf-8")) == ("2026-02-01", fingerprint(shifted(predicted)))


def test_a_kept_table_is_never_written_over(predicted: dict[str, Any], tmp_path: Path) -> None:
    weights = {"opioid-gate": 0.75, "expectancy-only": 0.25}
    place = tmp_path / "forward.md"
    place.write_text(page(predicted, "2026-01-31", weights), encoding="utf-8")
    (tmp_path / "forward-2026-01-31.md").write_text("an earlier table of that day", encoding="utf-8")
    forward.keep_and_write(place, page(shifted(predicted), "2026-02-01", weights))
    assert (tmp_path / "forward-2026-01-31.md").read_text(encoding="utf-8") == "an earlier table of that day"
    assert forward.dated((tmp_path / "forward-2026-01-31-2.md").read_text(encoding="utf-8"))[0] == "2026-01-31"
    assert "[2026-01-31-2](forward-2026-01-31-2.md)" in place.read_text(encoding="utf-8")


def test_a_page_whose_data_were_touched_is_refused(predicted: dict[str, Any]) -> None:
    text = page(predicted, "2026-01-31", {"opioid-gate": 0.75, "expectancy-only": 0.25})
    assert forward.dated(text) == ("2026-01-31", fingerprint(predicted))
    with pytest.raises(KetasimError, match="SHA-256"):
        forward.dated(text.replace('"opioid-gate"', '"opioid-gates"'))
    with pytest.raises(KetasimError, match="prints its day"):
        forward.dated("# Forward predictions")


@pytest.mark.parametrize("place", sorted(DOCS.glob("forward-predictions*.md")), ids=lambda p: p.name)
def test_every_shipped_table_has_its_day_and_the_fingerprint_of_its_data(place: Path) -> None:
    day, _ = forward.dated(place.read_text(encoding="utf-8"))
    assert re.fullmatch(rf"forward-predictions(-{day}(-\d)?)?", place.stem)
