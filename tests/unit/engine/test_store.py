"""The cache of machine code: hits without the readers, damage and foreign files rebuilt, many processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim.engine import Options, api, compile_model
from ketasim.engine.code import store

TEXT = "A = 1; k = 0.5; A' = -k*A; on = 2; B := piecewise(1, time > on, 0); C = 0; C' = B;"
RUN = f"""
import sys, numpy as np
from ketasim.engine import compile_model, Schedule
model = compile_model({TEXT!r}, ("k", "on"), ("A", "C"))
result = model.simulate([[0.5, 2.0]], [Schedule(np.array([0.0, 4.0]), np.zeros((1, 0)))], [0], [4.0])
print(repr(result.values.ravel().tolist()), sorted({{m for m in sys.modules}} & {{"libsbml", "antimony", "sympy", "ketasim.engine.read.libraries"}}))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(api, "_models", type(api._models)())
    return tmp_path / "cache"


def run(place: Path) -> str:
    environment = {**os.environ, "KETASIM_CACHE": str(place)}
    return subprocess.run(
        [sys.executable, "-c", RUN], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_a_hit_needs_neither_libsbml_nor_antimony_and_gives_the_same_bits(place: Path) -> None:
    cold = run(place)
    assert "'ketasim.engine.read.libraries', 'libsbml'" in cold  # antimony has a process of its own
    assert len(list(place.glob("*.code"))) == 1
    warm = run(place)
    assert warm.endswith("[]\n")
    assert warm.split("]")[0] == cold.split("]")[0]


def entry(place: Path) -> Path:
    api._models.clear()
    compile_model(TEXT)
    (path,) = place.glob("*.code")
    return path


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text"])
def test_a_damaged_entry_is_rebuilt(place: Path, damage: str) -> None:
    path = entry(place)
    good = path.read_bytes()
    if damage == "flip":
        path.write_bytes(good[:-100] + bytes([good[-100] ^ 1]) + good[-99:])
    else:
        path.write_bytes({"cut": good[: len(good) // 2], "empty": b"", "text": b"hello"}[damage])
    assert store.read(path.stem) is None
    assert entry(place).read_bytes() == good


def test_an_entry_of_another_model_is_not_used(place: Path) -> None:
    path = entry(place)
    other = path.with_name("0" * 64 + ".code")
    path.rename(other)
    assert store.read("0" * 64) is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs user ids")
def test_a_file_that_others_can_write_is_not_used(place: Path) -> None:
    path = entry(place)
    assert store.read(path.stem) is not None
    path.chmod(0o666)
    assert store.read(path.stem) is None
    path.chmod(0o600)
    place.chmod(0o777)
    assert store.read(path.stem) is None


def test_what_the_code_depends_on_is_in_the_key(place: Path) -> None:
    for arguments in (
        {},
        {"outputs": ("A",)},
        {"parameters": ("k",)},
        {"options": Options(width=2)},
        {"options": Options(dtype="float32")},
    ):
        compile_model(TEXT, **arguments)  # type: ignore[arg-type]
    compile_model(TEXT + " ")
    assert len(list(place.glob("*.code"))) == 6


def test_several_processes_at_once(place: Path) -> None:
    environment = {**os.environ, "KETASIM_CACHE": str(place)}
    running = [
        subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    results = {process.communicate()[0].split("]")[0] for process in running}
    assert len(results) == 1 and not list(place.glob("*.part"))


def test_the_cache_can_be_switched_off_or_unwritable(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETASIM_CACHE", "off")
    compile_model(TEXT)
    assert not place.exists()
    monkeypatch.setenv("KETASIM_CACHE", "/proc/nowhere")
    api._models.clear()
    assert compile_model(TEXT).outputs == ("A", "C")


def test_few_files_are_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_FILES", 2)
    for k in range(4):
        compile_model(f"A = {k}; A' = 1;")
    assert len(list(place.glob("*.code"))) == 2
