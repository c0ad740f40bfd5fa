"""Random tests are the same on every run, unless an exploring run is asked for: pytest --hypothesis-profile=explore.

And the command line in this process: arguments in, exit code and both streams out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.register_profile(
    "explore",
    derandomize=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    max_examples=2000,
)
settings.load_profile("repeatable")


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def ketasim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Call the command line with words; returns exit code, stdout, stderr."""
    from ketasim.cli.main import main

    def call(*words: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["ketasim", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        streams = capsys.readouterr()
        return Answer(int(caught.value.code or 0), streams.out, streams.err)

    return call
