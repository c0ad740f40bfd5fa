"""The command line in this process: arguments in, exit code and both streams out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from ketasim.cli.main import main


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def ketasim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Call the command line with words; returns exit code, stdout, stderr."""

    def call(*words: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["ketasim", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        streams = capsys.readouterr()
        return Answer(int(caught.value.code or 0), streams.out, streams.err)

    return call
