"""Random tests are the same on every run, unless an exploring run is asked for: pytest --hypothesis-profile=explore.

And the command line in this process: arguments in, exit code and both streams out.

One thread for linear algebra: the workers share the processors, and the matrices are small; with as many threads as processors in
each worker, a test of the fit's draws took 14 s of processor time instead of 0.8. Machine code is kept in pytest's own cache: the workers and
the next run find it there, and no other program's is pushed out or used. Byte code is kept in its usual place, whatever the environment says: the
tests start more than a hundred interpreters, and each would compile the package anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from sharing import Together

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before numpy is loaded, here and in every process that a test starts

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How the workers share the tests (tests/sharing.py); pytest-xdist's own way where another one is asked for."""
    return Together(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_configure(config: pytest.Config) -> None:
    """The workers' processes inherit what the first one sets."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if "KETASIM_CACHE" in os.environ or not hasattr(config, "cache") or config.cache is None:
        return
    with suppress(OSError):
        place = config.cache.mkdir("ketasim")
        place.chmod(0o700)
        os.environ["KETASIM_CACHE"] = str(place)


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
