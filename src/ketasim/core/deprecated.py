"""Public names on their way out: they go on working for one minor version, and say what takes their place and with which version they go."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from .errors import UsageError


class DeprecatedName(FutureWarning):
    """A public name or argument that will go. A FutureWarning, so that scripts and notebooks show it without being asked."""


def deprecated(old: str, instead: str, gone_in: str, *, level: int = 1) -> None:
    """Warn that `old` goes with version `gone_in` and that `instead` takes its place.

    level : how many calls above the caller the line stands that is to be changed.
    """
    warnings.warn(f"{old} goes with Ketasim {gone_in}; use {instead} instead", DeprecatedName, stacklevel=level + 2)


def renamed_argument[**P, R](old: str, new: str, *, gone_in: str) -> Callable[[Callable[P, R]], Callable[..., R]]:
    """A decorator: the function takes the argument `old` as well, passes it on as `new`, and warns.

    Raises UsageError (from the function) where both are given.
    """

    def decorated(function: Callable[P, R]) -> Callable[..., R]:
        @functools.wraps(function)
        def called(*arguments: Any, **named: Any) -> R:
            if old in named:
                if new in named:
                    raise UsageError(
                        f"{function.__name__} is given {old} and {new}, which are the same",
                        where=f"{function.__name__}({old}=..., {new}=...)",
                        fix=f"{function.__name__}({new}=...)",
                    )
                deprecated(f"the argument {old} of {function.__name__}", new, gone_in)
                named[new] = named.pop(old)
            return function(*arguments, **named)

        return called

    return decorated
