"""Registers of people are integrated side by side where there are processors: no number depends on how many there are."""

from __future__ import annotations

import numpy as np
import pytest

import ketasim.core.together as module
import ketasim.engine.run.model as engine
from ketasim.ratings.structure import compared
from ketasim.scenario.result import Result
from ketasim.scenario.run import run

TEXT = "ketamine iv 0.5 mg/kg over 40 min"


def _on(processors: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Result, int]:
    """The run, and how many pieces were done side by side."""
    shared: list[int] = []
    given = module.together

    def counted(*works, worth=True):  # type: ignore[no-untyped-def]
        shared.append(len(works) if worth and processors > 1 else 0)
        return given(*works, worth=worth)

    with monkeypatch.context() as patch:
        patch.setattr(module, "processors", lambda: processors)
        patch.setattr(engine, "processors", lambda: processors)
        patch.setattr(engine, "together", counted)
        with compared(belief="felt"):
            found = run(TEXT, people=60, days=14, repeat="twice weekly x 4")
    return found, sum(shared)


def test_one_processor_and_four_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, none = _on(1, monkeypatch)
    many, some = _on(4, monkeypatch)
    assert (none, some) == (0, 4)
    assert alone.to_json() == many.to_json()
    for kind in ("grid_values", "model_grid_values"):
        for name, rows in getattr(alone, kind).items():
            assert np.array_equal(rows, getattr(many, kind)[name], equal_nan=True), name


def test_the_structure_in_force_reaches_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under another structure the scores are others: scores worked out in a thread that fell back to the shipped one would show."""
    felt, _ = _on(4, monkeypatch)
    shipped = run(TEXT, people=60, days=14, repeat="twice weekly x 4")
    assert np.abs(felt.grid_values["madrs"] - shipped.grid_values["madrs"]).max() > 0.01
