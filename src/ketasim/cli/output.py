"""The answer on standard output: whole, in the terminal's encoding, or one message that says why not."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import suppress

from ketasim.core import CheckFailed, UsageError


def write(text: str, json: bool = False) -> None:
    """Print the answer. json : what the terminal cannot show is written as \\uXXXX (the same JSON), else in plain letters."""
    if sys.stdout is None:
        raise CheckFailed("nowhere to write to: the standard output is closed")
    try:
        sys.stdout.write(shown(text, getattr(sys.stdout, "encoding", None) or "utf-8", json).rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        to_nowhere()
        raise UsageError(f"cannot write the answer: {error.strerror}", where="standard output") from error


def any_encoding() -> None:
    """Help texts and whatever else is not printed by `write` never fail for a letter that the terminal lacks."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="backslashreplace")


def shown(text: str, encoding: str, json: bool = False) -> str:
    """The text with every character that `encoding` lacks replaced."""
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return "".join(letter if _fits(letter, encoding) else _plain(letter, json) for letter in text)


def _fits(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _plain(letter: str, json: bool) -> str:
    if json:
        units = letter.encode("utf-16-be")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return bare or "?"


def complain(text: str) -> None:
    """One message on standard error, in whatever encoding it has; a closed one is no reason for a traceback."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(shown(text, getattr(sys.stderr, "encoding", None) or "utf-8") + "\n")
        sys.stderr.flush()


def to_nowhere() -> None:
    """What is still buffered for standard output goes nowhere, so that the end of the process is silent."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
