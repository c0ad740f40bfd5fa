"""People streamed into Parquet: the same people as in a run, whatever the block; a stopped run goes on to the same bits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ketasim.core import UsageError
from ketasim.scenario import stream
from ketasim.scenario.plan import scenario
from ketasim.scenario.run import run
from ketasim.scenario.stream import stream_people

WORDS = "ketamine iv 0.5 mg/kg over 40 min"


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))}


def test_the_people_are_those_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 8)
    asked = scenario(WORDS, people=20, days=2, at="2, 24 h", seed=4)
    done = stream_people(asked, tmp_path / "out", ("madrs", "cadss"))
    assert done.files == ("people-000000.parquet", "people-000001.parquet", "people-000002.parquet") and done.rows == 40
    table = pq.read_table(tmp_path / "out")
    whole = run(asked)
    np.testing.assert_allclose(table["madrs"].to_numpy().reshape(20, 2), whole["madrs"].people, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(table["weight"].to_numpy()[::2], whole.people.weight, rtol=1e-6)
    assert table["person"].to_numpy()[::2].tolist() == list(range(20))


def test_a_stopped_run_goes_on_to_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BLOCK", 8)
    asked = scenario(WORDS, people=24, days=1, at="2, 24 h", seed=4)
    stream_people(asked, tmp_path / "whole")
    calls = 0

    def stop(share: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream_people(asked, tmp_path / "stopped", progress=stop)
    assert len(hashes(tmp_path / "stopped")) == 2
    assert stream_people(asked, tmp_path / "stopped").reused == 2
    assert hashes(tmp_path / "stopped") == hashes(tmp_path / "whole")


def test_other_settings_and_unknown_outputs_are_refused(tmp_path: Path) -> None:
    asked = scenario(WORDS, people=3, days=1, at="2 h")
    stream_people(asked, tmp_path)
    with pytest.raises(UsageError, match="other settings"):
        stream_people(asked.but(seed=9), tmp_path)
    with pytest.raises(UsageError, match="unknown output"):
        stream_people(asked, tmp_path / "b", ("mardsx",))
