"""The default chain on one page: `whole.ant`, generated, committed, and checked to be current by a test."""

from __future__ import annotations

from pathlib import Path

from .compose import DEFAULT_PARTS, compose


def whole_path() -> Path:
    """Where the page lies in the package."""
    return Path(__file__).with_name("whole.ant")


def whole_text() -> str:
    """Racemic ketamine through every default variant of every stage, with all numbers and their sources."""
    return compose(DEFAULT_PARTS).antimony


def write_whole() -> bool:
    """Write the page anew; True if it changed."""
    text = whole_text()
    if whole_path().exists() and whole_path().read_text(encoding="utf-8") == text:
        return False
    whole_path().write_text(text, encoding="utf-8")
    return True
