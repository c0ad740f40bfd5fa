"""The words as typed: tokens that know their place, and faults that point at the wrong word.

A `Fault` carries a candidate for the corrected line only where it says the same dose at the same times by the same route
(a typing error undone, words in order, a unit converted); what has to be guessed is asked instead. `mended` follows
candidates until one of them parses, so that the line an error message offers works and means what was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ketasim.core import UsageError

from .habits import habit

_TOKEN = re.compile(
    r"(?P<number>(?:(?<![\w.])[+-])?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2}(?!\d))?)|(?P<comma>[,;])|(?P<times>×)|(?P<word>[^\s\d,;×]+)"
)
_MOST_CHARACTERS = 2000  # of a line
_MOST_DIGITS = 25  # of a number
_MOST_CORRECTIONS = 8  # candidates followed before none is offered


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or separator, with its place `text[start:end]` in the line."""

    kind: str  # number | word | comma | times | end
    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """The word in lower case, as the grammar compares it."""
        return self.text.lower()


class Fault(Exception):
    """A line that cannot be read: what is wrong in `text[start:end]`, what is allowed, and a candidate to try."""

    def __init__(self, what: str, text: str, span: tuple[int, int], allowed: str = "", candidate: str = "") -> None:
        super().__init__(what)
        self.what, self.text, self.span, self.allowed, self.candidate = what, text, span, allowed, candidate

    @property
    def where(self) -> str:
        """The line, and a caret line under the offending word."""
        start, end = self.span
        return f"{self.text}\n{' ' * start}{'^' * max(1, end - start)}"


def normal(text: str) -> str:
    """The same line with typographic minus signs and spaces replaced by plain ones (the length is kept)."""
    plain = re.sub(r"[\t\r\n\f\v  ]", " ", text)
    return plain.replace("−", "-").replace("–", "-").rstrip()


def tokens(text: str, start: int = 0) -> list[Token]:
    """The tokens of `text[start:]`; the last one is of kind "end"."""
    found = [
        Token(str(match.lastgroup), match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text, start)
    ]
    end = max(len(text), start)
    return [*found, Token("end", "", end, end)]


class Cursor:
    """A place in the tokens of one line; the parts of the grammar move it forward."""

    def __init__(self, text: str, start: int = 0) -> None:
        self.text = text
        self.tokens = tokens(text, start)
        self.place = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token `ahead` places further on (the end token for ever after)."""
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        """The current token, and move on."""
        token = self.peek()
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def at(self, *words: str) -> bool:
        """True if the next tokens are these words."""
        return all(self.peek(i).kind != "number" and self.peek(i).low == word for i, word in enumerate(words))

    def take(self, *words: str) -> bool:
        """Move past these words if they come next."""
        if not self.at(*words):
            return False
        self.place += len(words)
        return True

    def done(self) -> bool:
        """True when nothing is left."""
        return self.peek().kind == "end"

    def fault(
        self,
        what: str,
        span: Token | tuple[int, int],
        allowed: str = "",
        instead: str | None = None,
        whole: str = "",
    ) -> Fault:
        """A fault here; `instead` replaces the span in the candidate line, `whole` is the candidate itself."""
        start, end = (span.start, span.end) if isinstance(span, Token) else span
        candidate = whole
        if instead is not None:
            candidate = replaced(self.text, (start, end), instead)
        return Fault(what, self.text, (start, end), allowed, candidate)


def replaced(text: str, span: tuple[int, int], instead: str) -> str:
    """The line with one span replaced, spaces tidied."""
    before, after = text[: span[0]], text[span[1] :]
    gap_before = "" if not before or before.endswith(" ") or not instead else " "
    gap_after = "" if not after or after[0] in " ,;" or not instead else " "
    line = re.sub(r" +", " ", before + gap_before + instead + gap_after + after)
    return re.sub(r" +([,;])", r"\1", line).strip().strip(",;").strip()


def mended(candidate: str, read: Callable[[str], object]) -> str:
    """A line that `read` accepts: the candidate, or the candidate's own correction; empty if there is none."""
    tried: set[str] = set()
    while candidate and candidate not in tried and len(tried) < _MOST_CORRECTIONS:
        tried.add(candidate)
        try:
            read(candidate)
        except Fault as fault:
            candidate = by_habit(fault).candidate
        except UsageError:
            break
        else:
            return candidate
    return ""


def read_or_teach[T](text: str, read: Callable[[str], T]) -> T:
    """`read(text)`; a fault becomes a `UsageError` whose fix, if it has one, is a line that `read` accepts."""
    try:
        return read(_sized(normal(text)))
    except Fault as found:
        fault = by_habit(found)
        fix = mended(fault.candidate, read)
        raise UsageError(fault.what, where=fault.where, allowed=fault.allowed, fix=fix) from None


def by_habit(fault: Fault) -> Fault:
    """The same fault, or what is known of the way of writing that led to it."""
    known = habit(fault.text, fault.span)
    if known is None:
        return fault
    candidate = "" if known.instead is None else replaced(fault.text, known.span, known.instead)
    return Fault(known.what, fault.text, known.span, known.allowed, candidate)


def _sized(text: str) -> str:
    """The line, if neither it nor a number in it is too long to be meant."""
    if len(text) > _MOST_CHARACTERS:
        raise Fault("the line is too long", text[:80], (0, 80), f"up to {_MOST_CHARACTERS} characters")
    for token in tokens(text):
        if token.kind == "number" and len(token.text) > _MOST_DIGITS:
            raise Fault("that number is too long", text, (token.start, token.end), f"up to {_MOST_DIGITS} digits")
    return text
