"""What is kept on disk follows from the package alone, is read only where it is whole and ours, and never differs from the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ketasim.core import kept
from ketasim.core.values import knowledge_path, read_toml


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and a package whose knowledge lies in `tmp_path`."""
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "_shipped", lambda: str(tmp_path / "knowledge") + os.sep)
    monkeypatch.setattr(kept, "_fresh", [])
    (tmp_path / "knowledge").mkdir()
    return tmp_path


def names(place: Path) -> list[str]:
    folder = place / "cache"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_every_file_of_the_package_comes_back_as_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "_fresh", [])
    for path in sorted((knowledge_path() / "values").glob("*.toml")):
        first = read_toml(path)
        kept.keep_parsed()
        second = read_toml(path)
        assert first == second and json.dumps(first) == json.dumps(second)  # the order of the tables too
    assert all(path.suffix == kept.KNOWLEDGE for path in (tmp_path / "cache").iterdir())


def test_a_file_that_changed_is_read_anew(place: Path) -> None:
    file = place / "knowledge" / "a.toml"
    file.write_text("x = 1\n")
    assert read_toml(file) == {"x": 1} and not names(place)  # reading writes nothing
    kept.keep_parsed()
    assert read_toml(file) == {"x": 1}
    file.write_text("x = 2\n")  # as long as before: told by the time of its change
    os.utime(file, ns=(1, os.stat(file).st_mtime_ns + 1))
    assert read_toml(file) == {"x": 2}
    kept.keep_parsed()
    assert read_toml(file) == {"x": 2}
    assert len(names(place)) == 1


def test_what_was_kept_is_used_and_what_is_damaged_is_not(place: Path) -> None:
    file = place / "knowledge" / "a.toml"
    file.write_text("x = 1\n")
    read_toml(file)
    kept.keep_parsed()
    (entry,) = (place / "cache").iterdir()
    mark, _ = json.loads(entry.read_bytes().partition(b"\n")[2])
    kept.keep(entry.name, json.dumps([mark, {"x": 7}]).encode())
    assert read_toml(file) == {"x": 7}  # it is read from there
    entry.write_bytes(entry.read_bytes().replace(b"7", b"8"))
    assert read_toml(file) == {"x": 1}  # its hash no longer fits


def test_a_file_that_others_may_write_is_not_trusted(place: Path) -> None:
    kept.keep("one", b"body")
    assert kept.kept("one") == b"body"
    (place / "cache" / "one").chmod(0o666)
    assert kept.kept("one") is None
    (place / "cache" / "link").symlink_to(place / "cache" / "one")
    assert kept.kept("link") is None


def test_files_of_the_user_and_dates_are_never_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "person.toml").write_text("age = 44\n")
    assert read_toml(place / "person.toml") == {"age": 44}
    kept.keep_parsed()
    assert not names(place)
    (place / "knowledge" / "d.toml").write_text("day = 2026-01-02\n")
    assert str(read_toml(place / "knowledge" / "d.toml")["day"]) == "2026-01-02"
    kept.keep_parsed()
    assert not names(place)
    monkeypatch.setenv("KETASIM_CACHE", "off")
    (place / "knowledge" / "a.toml").write_text("x = 1\n")
    assert read_toml(place / "knowledge" / "a.toml") == {"x": 1}
    kept.keep_parsed()
    assert not names(place)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_write_that_is_broken_off_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """A folder that fails is no error; what the user breaks off is, and neither leaves a part."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "replace", fail)
    if error is OSError:
        assert kept.put("one", b"content") is None
    else:
        with pytest.raises(error):
            kept.put("one", b"content")
    assert not names(place)
    monkeypatch.undo()
    monkeypatch.setenv("KETASIM_CACHE", str(place / "cache"))
    assert kept.put("one", b"content") == place / "cache" / "one" and names(place) == ["one"]
