"""What is known of a comparison in time before the run; plain data, so that it can be stored."""

from __future__ import annotations

from dataclasses import dataclass

from .evaluate import Program


@dataclass(frozen=True)
class Gap:
    """Value and slope in time of what is 0 where a comparison may change; `straight`: the slope is constant."""

    code: Program
    straight: bool


@dataclass(frozen=True)
class TimeSwitch:
    """A comparison (or a floor) that depends on time but on no state.

    `truth` gives its value, where those of the switches `inner`, on which it depends, are given. `gaps` are the factors of left
    minus right side, or the argument of a floor (`stairs`); there are none where nothing but the inner switches moves, and where
    the sides are not smooth (`broken`). `personal` says that moments can differ between people, `harmless` that what depends
    on it does not jump. `text` is for messages.
    """

    truth: Program
    gaps: tuple[Gap, ...]
    broken: bool
    stairs: bool
    personal: bool
    harmless: bool
    inner: tuple[int, ...]
    text: str
