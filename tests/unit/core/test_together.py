"""Pieces of work side by side: order, errors, context, and that all have ended."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import ketasim.core.together as module
from ketasim.core.together import together
from ketasim.engine.run.model import GROUPS_PER_TASK, portions


@pytest.fixture(params=[1, 4], ids=["one processor", "four processors"])
def count(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(module, "processors", lambda: request.param)
    return int(request.param)


def test_results_stand_in_the_order_of_the_pieces(count: int) -> None:
    def slow() -> str:
        time.sleep(0.02)
        return "first"

    assert together(slow, lambda: "second", lambda: "third") == ["first", "second", "third"]
    assert together() == []
    assert together(slow, lambda: "second", worth=False) == ["first", "second"]


def test_two_pieces_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the other: one after the other they would never meet."""
    monkeypatch.setattr(module, "processors", lambda: 2)
    meeting = threading.Barrier(2, timeout=30)
    assert sorted(together(meeting.wait, meeting.wait)) == [0, 1]


def test_the_caller_s_context_holds_in_every_piece(count: int) -> None:
    def divide() -> float:
        return float(np.array(1.0) / np.array(0.0))

    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        together(lambda: 1.0, divide)
    with np.errstate(divide="ignore"):
        assert together(lambda: 1.0, divide) == [1.0, np.inf]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_is_raised_when_all_have_ended(failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "processors", lambda: 4)
    ended: list[int] = []

    def piece(place: int) -> None:
        if place == failing:
            raise ValueError(f"piece {place}")
        time.sleep(0.05)
        ended.append(place)

    with pytest.raises(ValueError, match=f"piece {failing}"):
        together(*(lambda place=place: piece(place) for place in range(3)))  # type: ignore[misc]
    assert sorted(ended) == [place for place in range(3) if place != failing]


def test_of_two_errors_the_first_piece_s_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "processors", lambda: 4)

    def fail(name: str, after_s: float) -> None:
        time.sleep(after_s)
        raise ValueError(name)

    with pytest.raises(ValueError, match="second"):
        together(lambda: None, lambda: fail("second", 0.03), lambda: fail("third", 0.0))


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
@pytest.mark.parametrize("count", [1, 2, 5, 21, 1000])
def test_portions_cover_every_register_once_and_end_small(count: int, workers: int) -> None:
    found = portions(count, workers)
    assert [register for first, size in found for register in range(first, first + size)] == list(range(count))
    assert max(size for _, size in found) <= GROUPS_PER_TASK
    if workers > 1:  # nobody waits for more than one register
        assert found[-1][1] == 1


def test_two_workers_end_together_on_21_registers() -> None:
    """Whoever is done takes the next portion, every register takes the same time: 100 people and 64 draws, eight in a register."""
    done = [0, 0]
    for _, size in portions(21, 2):
        done[done.index(min(done))] += size
    assert sorted(done) == [10, 11]
