"""A calibration that does not fit the package is an error with the command that mends it, on the page too; never a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ask_app import ask

from ketasim.chain import hypothesis as hypotheses_of
from ketasim.core import KetasimError
from ketasim.evidence.weigh import calibrated, weighing
from ketasim.web import facts

NAME = "opioid-gate"


def _gone(data: dict[str, Any]) -> None:
    data["names"][0] = "Nobody1999"


def _without_a_field(data: dict[str, Any]) -> None:
    del data["linear"]


def _other_rows(data: dict[str, Any]) -> None:
    data["linear"]["f"][0] = data["linear"]["f"][0][:-1]


def _other_findings(data: dict[str, Any]) -> None:
    data["linear"]["outcomes"] = data["linear"]["outcomes"][:-1]
    data["linear"]["slopes"] = data["linear"]["slopes"][:-1]


def _not_a_covariance(data: dict[str, Any]) -> None:
    data["linear"]["covariances"][0] = [[-1.0 for _ in row] for row in data["linear"]["covariances"][0]]


def _other_values(data: dict[str, Any]) -> None:
    data["keys"] = data["keys"][:-1]


@pytest.fixture
def stale(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a changed calibration of `NAME` in place of the shipped one."""

    def put(change: Callable[[dict[str, Any]], None] | None) -> None:
        shipped = hypotheses_of.posterior_path
        text = shipped(NAME).read_text(encoding="utf-8")
        data = json.loads(text)
        if change:
            change(data)
        (tmp_path / "other.json").write_text(json.dumps(data) if change else text[: len(text) // 2], encoding="utf-8")
        monkeypatch.setattr(
            calibrated, "posterior_path", lambda n: tmp_path / "other.json" if n == NAME else shipped(n)
        )

    _forget()
    yield put
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for kept in (calibrated.calibrated, calibrated.observed_values, calibrated.findings_of):
        kept.cache_clear()


@pytest.mark.parametrize(
    "change",
    [_gone, _without_a_field, _other_rows, _other_findings, _not_a_covariance, _other_values, None],
)
def test_a_stale_calibration_says_how_it_is_made_anew(stale: Any, change: Any) -> None:
    stale(change)
    with pytest.raises(KetasimError) as refused:
        weighing.weigh()
    assert refused.value.fix == f"python -m ketasim.evidence.weigh.weigh_fit {NAME}"
    status, answer = ask("/api/weigh", {})
    assert status == 422 and "weigh_fit" in answer["try"]


def test_a_defect_is_answered_in_the_form_of_every_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(facts, "weighed", fails)
    status, answer = ask("/api/weigh", {})
    assert status == 500 and set(answer) == {"what", "where", "allowed", "try"}
    assert "secret" not in str(answer)
