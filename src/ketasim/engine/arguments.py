"""Checks of what callers pass in: each raises a UsageError that names the argument and says what is allowed."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from ketasim.core import UsageError, nearest
from ketasim.core.arrays import Array, IntArray

from .types import Options, Schedule


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def options(given: Options | None) -> Options:
    """`given`, or the default options."""
    if given is None:
        return Options()
    if not isinstance(given, Options):
        raise UsageError(
            f"options is {_shown(given)}",
            where="compile_model",
            allowed="None or Options",
            fix='options=Options(dtype="float32")',
        )
    for field, kind in get_type_hints(Options).items():
        value, allowed = getattr(given, field), _choices(kind)
        if not any(type(value) is type(a) and value == a for a in allowed):
            raise UsageError(
                f"Options: {field} is {_shown(value)}", where="compile_model", allowed=", ".join(map(repr, allowed))
            )
    return given


def _choices(kind: Any) -> list[Any]:
    """The values that a type made of literals and None allows."""
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return list(parts)
    return [None] if kind is type(None) else [choice for part in parts for choice in _choices(part)]


def names(given: Iterable[str], argument: str, where: str) -> tuple[str, ...]:
    """A sequence of names; a single text is refused, since its letters would be taken for names."""
    if isinstance(given, str):
        raise UsageError(
            f"{argument} is one text, {_shown(given)}",
            where=where,
            allowed="a sequence of names",
            fix=f"{argument}=({given!r},)",
        )
    try:
        found = tuple(given)
    except TypeError:
        raise UsageError(f"{argument} is {_shown(given)}", where=where, allowed="a sequence of names") from None
    for name in found:
        if not isinstance(name, str):
            raise UsageError(f"{argument} holds {_shown(name)}", where=where, allowed="names (text)")
    return found


def table(given: Any, argument: str, where: str) -> Array:
    """Numbers as float64; text, complex numbers and ragged lists are refused. NaN and infinity pass."""
    try:
        found = np.asarray(given)
    except ValueError:
        raise UsageError(
            f"{argument} has rows of different lengths", where=where, allowed="a rectangular array"
        ) from None
    if found.dtype.kind == "O":  # None, fractions, decimals, missing numbers
        with contextlib.suppress(TypeError, ValueError):
            found = found.astype(np.float64)
    if found.dtype.kind not in "fiub":
        what = {"c": "complex numbers", "U": "text", "S": "text"}.get(found.dtype.kind, f"values of type {found.dtype}")
        raise UsageError(f"{argument} holds {what}", where=where, allowed="real numbers")
    return np.asarray(found, dtype=np.float64, order="C")


def indices(given: Any, argument: str, where: str) -> IntArray:
    """Whole numbers as int64; 1.0 counts as whole, 0.5 does not, and nothing is cut off in silence."""
    found = table(given, argument, where).reshape(-1)
    if not np.isfinite(found).all() or (found != np.rint(found)).any() or (np.abs(found) > 2**53).any():
        odd = found[~np.isfinite(found) | (found != np.rint(found)) | (np.abs(found) > 2**53)][0]
        raise UsageError(f"{argument} holds {odd:g}", where=where, allowed="whole numbers")
    return np.ascontiguousarray(found, dtype=np.int64)


def number(
    given: Any,
    argument: str,
    where: str,
    least: float,
    most: float,
    *,
    open_start: bool = False,
    open_end: bool = False,
) -> float:
    """One real number between `least` and `most`."""
    allowed = f"a number {'above' if open_start else 'from'} {least:g} {'to below' if open_end else 'to'} {most:g}"
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise UsageError(f"{argument} is {_shown(given)}", where=where, allowed=allowed)
    value = float(given)
    if not (least < value if open_start else least <= value) or not (value < most if open_end else value <= most):
        raise UsageError(f"{argument} is {value:g}", where=where, allowed=allowed)
    return value


def whole(given: Any, argument: str, where: str, least: int, most: int) -> int:
    """One whole number between `least` and `most`; 500.0 counts as whole."""
    allowed = f"a whole number from {least:,} to {most:,}"
    if (
        isinstance(given, bool)
        or not isinstance(given, numbers.Real)
        or not least <= float(given) <= most
        or float(given) != np.rint(float(given))
    ):
        raise UsageError(f"{argument} is {_shown(given)}", where=where, allowed=allowed)
    return int(float(given))


def schedules(given: Any, where: str) -> Sequence[Schedule]:
    """A sequence of Schedules."""
    fix = "schedules=[Schedule(numpy.array([0.0, 24.0]), numpy.zeros((1, 0)))]"
    if isinstance(given, Schedule) or not isinstance(given, Sequence):
        raise UsageError(
            f"schedules is {_shown(type(given).__name__)}", where=where, allowed="a list of Schedule", fix=fix
        )
    for found in given:
        if not isinstance(found, Schedule):
            raise UsageError(f"schedules holds {_shown(found)}", where=where, allowed="Schedule", fix=fix)
    return given


def people(
    parameters: Any, schedule_of: Any, times: Any, schedules: int, columns: Sequence[str]
) -> tuple[Array, IntArray, Array]:
    """Parameters (P, n_par), schedule of each person (P,), and output times (T,), checked against each other."""
    which = indices(schedule_of, "schedule_of", "simulate")
    rows = table(parameters, "parameters", "simulate")
    if not columns and rows.size == 0:
        rows = np.zeros((len(which), 0))
    if rows.shape != (len(which), len(columns)):
        raise UsageError(
            f"parameters has shape {rows.shape}",
            where="simulate",
            allowed=f"{(len(which), len(columns))}: people, ({', '.join(columns)})",
        )
    if len(which) and (which.min() < 0 or which.max() >= schedules):
        raise UsageError(
            f"schedule_of points outside the {schedules} schedules", where="simulate", allowed=f"0 to {schedules - 1}"
        )
    moments = table(times, "times", "simulate").reshape(-1)
    if not np.isfinite(moments).all() or (np.diff(moments) < 0).any():
        raise UsageError("output times must be finite and ascend", where="simulate", fix="times = numpy.sort(times)")
    return rows, which, moments


def tolerances(given: Any, states: Sequence[str], all_states: Sequence[str]) -> Array:
    """Absolute tolerance of each of the active `states`, from one number, one per state, or a mapping; NaN where none is given."""
    if given is None:
        given = {}
    if isinstance(given, Mapping):
        for name in given:
            if name not in all_states:
                raise UsageError(
                    f"atol names '{name}', which is not a state",
                    where="simulate",
                    allowed=", ".join(nearest(str(name), all_states)),
                )
        return np.array(
            [
                number(given[n], f"atol of '{n}'", "simulate", 0.0, np.inf, open_start=True, open_end=True)
                if n in given
                else np.nan
                for n in states
            ]
        )
    found = table(given, "atol", "simulate")
    if found.shape not in ((), (len(states),)):
        raise UsageError(
            f"atol has shape {found.shape}",
            where="simulate",
            allowed=f"one number, one per active state ({len(states)}), or a mapping from states",
        )
    if not (found > 0).all() or not np.isfinite(found).all():
        raise UsageError("atol must be positive", where="simulate", allowed="finite numbers above 0", fix="atol=1e-9")
    return np.broadcast_to(found, (len(states),)).copy()
