"""Populations larger than memory: blocks of people are simulated and written to Parquet, one pair of files per block.

    values-00000.parquet   person, time, one column per output; a row per person and time (simulation_person, simulation_time
                           where the model has an output of that name)
    people-00000.parquet   person, status, reason, time of failure

A file appears by renaming when it is complete, so that what is in the folder after Ctrl-C or a crash is valid.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ketasim.core import UsageError
from ketasim.core.arrays import Array, IntArray

from .. import arguments
from ..types import Jump, Schedule, Trajectories
from .model import Model

BLOCK_BYTES = 48_000_000  # of output values; two blocks are in memory at a time


@dataclass(frozen=True)
class Streamed:
    """What was written: `people` finished, of them `failed`, in `files`."""

    people: int
    failed: int
    files: tuple[Path, ...]


def stream(
    model: Model,
    folder: str | Path,
    parameters: ArrayLike,
    schedules: Sequence[Schedule],
    schedule_of: ArrayLike,
    times: ArrayLike,
    *,
    people_per_block: int | None = None,
    single_precision: bool = False,
    progress: Callable[[int, int], None] | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
    **settings: Any,
) -> Streamed:
    """Simulates everybody and writes to `folder`, which must be empty or new.

    `people_per_block` is rounded up to whole registers (default: about 48 MB of values); `single_precision` stores
    outputs as float32; `progress(done, all)` is called after each block; further arguments are those of `simulate`.
    Results equal those of one call of `simulate` within the tolerance: registers are filled block by block.
    """
    table = arguments.table(parameters, "parameters", "stream")
    which = arguments.indices(schedule_of, "schedule_of", "stream")
    moments = arguments.table(times, "times", "stream").reshape(-1)
    schedules = arguments.schedules(schedules, "stream")
    if people_per_block is not None:
        people_per_block = arguments.whole(people_per_block, "people_per_block", "stream", 1, 2**31)
    total, files, failed, done = len(which), list[Path](), 0, 0
    if table.ndim != 2 or len(table) != total:
        raise UsageError(
            f"parameters has shape {table.shape} for {total} people",
            where="stream",
            allowed=f"{(total, len(model.parameters))}",
        )
    place = _fresh(Path(folder))
    per_person = max(1, 8 * len(moments) * len(model.outputs))
    block = people_per_block or max(1, BLOCK_BYTES // per_person)
    block = -(-block // model.width) * model.width
    importlib.import_module("pyarrow.parquet")  # before the first block: a missing package is told at once
    pending: Future[list[Path]] | None = None
    with ThreadPoolExecutor(1) as writer:
        for number, first in enumerate(range(0, total, block)):
            last = min(first + block, total)
            result = model.simulate(
                table[first:last],
                _slice(schedules, which, first, last),
                which[first:last],
                moments,
                initial={n: np.broadcast_to(v, (total,))[first:last] for n, v in (initial or {}).items()},
                **settings,
            )
            if pending is not None:
                files += pending.result()
            pending = writer.submit(_write, place, number, first, result, single_precision)
            failed += int((result.status != 0).sum())
            done = last
            if progress is not None:
                progress(done, total)
        if pending is not None:
            files += pending.result()
    return Streamed(done, failed, tuple(files))


def _fresh(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"the folder '{folder}' is not empty", where="stream", fix="name a new folder")
    except OSError as error:
        raise UsageError(f"'{folder}' cannot be used: {error.strerror}", where="stream") from error
    return folder


def _slice(schedules: Sequence[Schedule], which: IntArray, first: int, last: int) -> list[Schedule]:
    """The schedules for people `first` to `last` only."""
    result = []
    for k, schedule in enumerate(schedules):
        low, high = int((which[:first] == k).sum()), int((which[:last] == k).sum())

        def part(number: float | Array, low: int = low, high: int = high) -> float | Array:
            return number if np.ndim(number) == 0 else np.asarray(number)[low:high]

        inputs = np.asarray(schedule.inputs, dtype=np.float64)
        jumps: tuple[Jump, ...] = tuple(replace(j, add=part(j.add), scale=part(j.scale)) for j in schedule.jumps)
        result.append(Schedule(schedule.boundaries, inputs[low:high] if inputs.ndim == 3 else inputs, jumps))
    return result


def _write(folder: Path, number: int, first: int, result: Trajectories, single: bool) -> list[Path]:
    arrow: Any = importlib.import_module("pyarrow")
    people, moments = len(result.status), len(result.times)
    kind = np.float32 if single else np.float64
    index = np.arange(first, first + people)
    columns: dict[str, Any] = {
        free_name("person", result.outputs): np.repeat(index, moments),
        free_name("time", result.outputs): np.tile(result.times, people),
    }
    flat = result.values.reshape(people * moments, len(result.outputs)).astype(kind, copy=False)
    columns |= {name: np.ascontiguousarray(flat[:, i]) for i, name in enumerate(result.outputs)}
    when = np.full(people, np.nan)
    for failure in result.failures:
        when[failure.person] = failure.time
    persons = arrow.table(
        {
            "person": index,
            "status": result.status,
            "reason": arrow.array(result.reasons, type=arrow.string()),
            "failed_time": when,
        }
    )
    return [
        _save(persons, folder / f"people-{number:05d}.parquet"),
        _save(arrow.table(columns), folder / f"values-{number:05d}.parquet"),
    ]


def free_name(wanted: str, names: Sequence[str]) -> str:
    """`wanted`, or a name made from it that no column of the model has."""
    name, number = wanted, 1
    while name in names:
        name = f"simulation_{wanted}" if number == 1 else f"simulation_{wanted}_{number}"
        number += 1
    return name


def _save(table: Any, path: Path) -> Path:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    temporary = path.with_suffix(".part")
    try:
        parquet.write_table(
            table,
            temporary,
            compression="lz4",
            use_dictionary=table.column_names[:2] if path.name.startswith("values") else False,
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
