"""`ketasim claims` on the command line."""

from __future__ import annotations

import json
import sys

import pytest

from ketasim.cli.main import main


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["ketasim", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    streams = capsys.readouterr()
    return int(caught.value.code or 0), streams.out, streams.err


def test_one_claim_as_text_and_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(monkeypatch, capsys, "claims", "nasal-forty-five")
    assert code == 0 and "Verdict: SUPPORTED" in out and "PK-IN-20" in out
    code, out, _ = call(monkeypatch, capsys, "claims", "nasal-forty-five", "--json")
    assert code == 0 and 0.3 < json.loads(out)["predictions"][0]["value"] < 0.7


def test_an_unknown_claim_is_wrong_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(monkeypatch, capsys, "claims", "nasal-forty")
    assert code == 2 and "nasal-forty-five" in err
