"""Chunks of a trial: the replicates of one world, made anywhere, kept as Parquet; a trial that was stopped goes on with those that are there.

A chunk depends on the design, the seed and its world alone, so that it is the same bits on one worker, on four or on a cluster (one CPU type).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.core import UsageError
from ketasim.core.arrays import AnyArray, Array
from ketasim.core.cluster import on_cluster
from ketasim.core.files import sweep, write_durably

from .design import Design
from .expected import Truth, truth
from .pool import Pool, make_pool
from .replicate import Replicates, replicates
from .worlds import World

PLAIN = ("arm", "who", "site", "baseline", "gone", "guess")
BY_VISIT = ("score", "seen", "felt", "cadss")


@dataclass(frozen=True)
class Chunk:
    """Replicates of one world with what does not depend on them: the truth in it, side effects (A,) by name, people left out."""

    world: int
    replicates: Replicates
    truth: Truth | None
    events: Mapping[str, Array]
    failed: int


@dataclass(frozen=True)
class Job:
    """What a chunk is made from: nothing else decides it."""

    design: Design
    world: World
    seed: int
    null: bool
    people: int
    numbers: tuple[int, ...]
    n: int

    @property
    def key(self) -> str:
        """Hash of everything that decides the chunk."""
        plan = repr(
            (
                replace(self.design, where=""),  # the same design in another file is the same
                dict(self.world.replaced),
                self.world.hypothesis,
                self.seed,
                self.null,
                self.people,
                self.numbers,
                self.n,
                __version__,
            )
        )
        return sha256(plan.encode()).hexdigest()[:32]


def make_chunk(job: Job, pool: Pool | None = None) -> Chunk:
    """Simulate one chunk. pool : the people, if they are there already."""
    people = pool or make_pool(job.design, job.world, job.seed, job.people, job.null)
    found = replicates(job.design, people, job.seed, job.numbers, job.n)
    return Chunk(
        job.world.index, found, truth(job.design, people) if job.design.compares else None, people.events, people.failed
    )


def chunks(
    jobs: Sequence[Job],
    pool_of: Callable[[int], Pool],
    folder: Path | None = None,
    scheduler: str = "",
    progress: Callable[[float], None] | None = None,
) -> list[Chunk]:
    """Every chunk, in the order of the jobs. folder : Parquet files, read where they are there, else written whole. scheduler : address of a
    dask.distributed scheduler; without one they are made here."""
    found: dict[int, Chunk] = {}
    missing = []
    for job in jobs:
        kept = _read(folder, job) if folder else None
        if kept is None:
            missing.append(job)
        else:
            found[job.world.index] = kept
    made = (
        on_cluster([(job.key, job) for job in missing], make_chunk, scheduler)
        if scheduler and missing
        else ((job, make_chunk(job, pool_of(job.world.index))) for job in missing)
    )
    for job, chunk in made:
        if folder:
            _write(folder, job, chunk)
        found[job.world.index] = chunk
        if progress:
            progress(len(found) / len(jobs))
    return [found[job.world.index] for job in jobs]


def prepared(folder: str | Path) -> Path:
    """The folder for chunks, made if it is not there."""
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise UsageError("that is a file, not a folder", where=f"--parquet {place}", fix=f"--parquet {place}_trial")
    place.mkdir(parents=True, exist_ok=True)
    sweep(place)
    return place


def _file(folder: Path, job: Job) -> Path:
    return folder / f"world-{job.world.index:04d}-{job.key[:12]}.parquet"


def _write(folder: Path, job: Job, chunk: Chunk) -> None:
    """One file, whole or not at all: a row per participant; scores, whether seen, what is felt and the CADSS so far, by reading."""
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")

    r = chunk.replicates
    count, n = r.arm.shape
    columns: dict[str, Any] = {
        "replicate": np.repeat(np.array(r.numbers, dtype=np.int64), n),
        "participant": np.tile(np.arange(n, dtype=np.int64), count),
    }
    columns |= {name: getattr(r, name).ravel() for name in PLAIN}
    columns |= {f"covariate {name}": rows.ravel() for name, rows in r.covariates.items()}
    for name in BY_VISIT:
        columns |= {f"{name} at {t:g} h": getattr(r, name)[..., j].ravel() for j, t in enumerate(job.design.readings_h)}
    if r.beside.shape[-1]:
        columns |= {f"beside at {t:g} h": r.beside[..., j].ravel() for j, t in enumerate(job.design.readings_h)}
    t = chunk.truth
    about = {
        "key": job.key,
        "arms": list(job.design.names),
        "asked": r.asked.tolist(),
        "failed": chunk.failed,
        "events": {name: rows.tolist() for name, rows in chunk.events.items()},
        "truth": None if t is None else [t.true.tolist(), t.held.tolist(), t.inert.tolist(), t.comparator],
        "hypothesis": job.world.hypothesis,
        "version": __version__,
    }
    table = pa.table(columns).replace_schema_metadata({"ketasim": json.dumps(about)})
    write_durably(_file(folder, job), partial(pq.write_table, table, compression="zstd"))


def _read(folder: Path, job: Job) -> Chunk | None:
    """The chunk of a job from its file; None if it is not there or is of another job."""
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")

    file = _file(folder, job)
    if not file.is_file():
        return None
    try:
        table = pq.read_table(file)
        about = json.loads(table.schema.metadata[b"ketasim"])
    except (pa.ArrowInvalid, KeyError, ValueError):
        return None
    if about["key"] != job.key or any(
        f"{name} at {job.design.readings_h[0]:g} h" not in table.column_names for name in BY_VISIT
    ):
        return None
    shape = (len(job.numbers), -1)

    def rows(name: str) -> AnyArray:
        return np.asarray(table[name].to_numpy().reshape(shape))

    def by_visit(name: str) -> AnyArray:
        return np.stack([rows(f"{name} at {t:g} h") for t in job.design.readings_h], axis=-1)

    has_beside = any(name.startswith("beside at ") for name in table.column_names)
    covariates = [name.removeprefix("covariate ") for name in table.column_names if name.startswith("covariate ")]
    t = about["truth"]
    return Chunk(
        world=job.world.index,
        replicates=Replicates(
            numbers=job.numbers,
            **{name: rows(name) for name in PLAIN},
            **{name: by_visit(name) for name in BY_VISIT},
            covariates={name: rows(f"covariate {name}") for name in covariates},
            asked=np.array(about["asked"], dtype=np.int64),
            beside=by_visit("beside") if has_beside else np.zeros((len(job.numbers), job.n, 0)),
        ),
        truth=None if t is None else Truth(np.array(t[0]), np.array(t[1]), np.array(t[2]), float(t[3])),
        events={name: np.array(item) for name, item in about["events"].items()},
        failed=int(about["failed"]),
    )
