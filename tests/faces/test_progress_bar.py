"""The bar appears by itself when something takes long, whoever reports or not; never where nobody watches; and leaves nothing behind."""

import io
import sys
import threading

import pytest

from ketasim.cli.progress import Progress
from ketasim.report.parts import over_hypotheses
from ketasim.scenario.run import run


class Terminal(io.StringIO):
    """A terminal that says when something was written to it."""

    def __init__(self, watched: bool) -> None:
        super().__init__()
        self.watched, self.written = watched, threading.Event()

    def isatty(self) -> bool:
        return self.watched

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch):
    def make(watched: bool) -> Terminal:
        found = Terminal(watched)
        monkeypatch.setattr(sys, "stderr", found)
        return found

    return make


def test_it_appears_while_nothing_is_reported(terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "PATIENCE_S", 0.01)
    screen = terminal(True)
    with Progress("people"):
        assert screen.written.wait(60), "no bar without a report"
    assert screen.getvalue().startswith("\rpeople [") and screen.getvalue().endswith("\r")
    last = screen.getvalue().rstrip("\r").rpartition("\r")[2]
    assert last.strip() == "" and len(last) >= len(screen.getvalue().split("\r")[1])  # wiped, whole


def test_what_is_reported_is_drawn(terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "PATIENCE_S", 0.0)
    monkeypatch.setattr(Progress, "EVERY_S", 600.0)
    screen = terminal(True)
    with Progress("arms") as bar:
        bar.show(0.5)
    assert "50 %" in screen.getvalue()


def test_nothing_for_short_work_and_nothing_where_nobody_watches(terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "PATIENCE_S", 600.0)
    screen = terminal(True)
    with Progress("people") as bar:
        bar.show(0.1)
    assert screen.getvalue() == ""
    monkeypatch.setattr(Progress, "PATIENCE_S", 0.0)
    screen = terminal(False)
    with Progress("people") as bar:
        bar.show(0.1)
    assert screen.getvalue() == "" and bar._beat is None


def test_the_runs_of_every_hypothesis_report_their_share() -> None:
    """The first run with an opioid drug compiles a model for each of them: seconds without a word."""
    told: list[float] = []
    with_ = ["naltrexone oral 50 mg at -45 min"]
    result = run("ketamine iv 0.5 mg/kg over 40 min", with_=with_, people=0, draws=0, days=1)
    found = over_hypotheses(result, told.append)
    assert found is not None and len(told) == len(found.effects) > 3
    assert told == sorted(told) and told[-1] == 1.0
