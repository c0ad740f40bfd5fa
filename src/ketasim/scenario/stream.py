"""A run of any number of people, streamed into Parquet in fixed blocks: memory does not grow with people, and a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ketasim._version import __version__
from ketasim.core import UsageError, output_register, unknown_name
from ketasim.core.cluster import on_cluster
from ketasim.core.files import sweep, write_durably
from ketasim.core.names import output
from ketasim.core.records import NOTICE

from .plan import Scenario
from .run import block_of

BLOCK = 2048  # people of one file: fixed, so that the same people stand in the same file whatever else is asked
USUAL = ("madrs", "ideation", "cadss")
SETTINGS = "_run.json"  # readers of Parquet folders pass over names that begin with an underscore


@dataclass(frozen=True)
class Streamed:
    """What was written. failed : person, time and reason of each."""

    folder: Path
    people: int
    rows: int
    files: tuple[str, ...]
    columns: tuple[str, ...]
    failed: tuple[dict[str, Any], ...]
    reused: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "folder": str(self.folder),
            "people": self.people,
            "rows": self.rows,
            "files": list(self.files),
            "columns": list(self.columns),
            "failed": list(self.failed),
            "reused_files": self.reused,
        }


@dataclass(frozen=True)
class Block:
    """People `first` to `first + count` - 1 of a scenario, one file; names : the outputs that are kept."""

    asked: Scenario
    first: int
    count: int
    names: tuple[str, ...]

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return f"people-{self.first // BLOCK:06d}.parquet"


def stream_people(
    asked: Scenario,
    folder: str | Path,
    keep: Sequence[str] = (),
    progress: Callable[[float], None] | None = None,
    scheduler: str = "",
) -> Streamed:
    """Simulate `asked.people` people block by block; one Parquet file a block, one row per person and time.

    keep : outputs (names or aliases), `madrs, ideation, cadss` unless given. Columns: person, weight [kg], age [years], baseline [points], time_h, and the
    outputs in their units as 32-bit numbers; a failed person has none. A folder that was begun with the same settings is finished: files that are
    there are kept. scheduler : address of a dask.distributed scheduler whose workers make the blocks; the files are the same bits. Raises UsageError for a
    folder of other settings or an unknown output.
    """
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")

    place = Path(folder)
    names = tuple(dict.fromkeys(output(name).name for name in (keep or USUAL)))
    if asked.people < 1:
        raise UsageError("nobody is asked for", where="--people 0", fix="--people 1000")
    begun = _begin(asked, place, names)
    blocks = [Block(asked, first, min(BLOCK, asked.people - first), names) for first in range(0, asked.people, BLOCK)]
    missing = [block for block in blocks if _stored(place / block.file, begun) is None]
    done = sum(block.count for block in blocks) - sum(block.count for block in missing)
    made = (
        on_cluster([(f"{begun}-{block.first}", block) for block in missing], make_block, scheduler)
        if scheduler and missing
        else ((block, make_block(block)) for block in missing)
    )
    for block, (table, lost) in made:
        about = {"settings": begun, "failed": json.dumps(lost), "notice": NOTICE}
        rows = pa.table(table).replace_schema_metadata(about)
        write_durably(place / block.file, partial(pq.write_table, rows, compression="zstd"))
        done += block.count
        if progress:
            progress(done / asked.people)
    feet = [pq.read_metadata(place / block.file) for block in blocks]
    failed = [one for foot in feet for one in json.loads(foot.metadata.get(b"failed", b"[]"))]
    columns = ("person", "weight", "age", "baseline", "time_h", *names)
    written = Streamed(
        place,
        asked.people,
        sum(foot.num_rows for foot in feet),
        tuple(block.file for block in blocks),
        columns,
        tuple(failed),
        len(blocks) - len(missing),
    )
    text = json.dumps(
        {"settings": asked.settings(), "key": begun, "version": __version__} | written.to_dict() | {"folder": "."},
        indent=1,
    )
    write_durably(place / SETTINGS, partial(_fill, text))
    return written


def _fill(text: str, place: Path) -> None:
    place.write_text(text, encoding="utf-8")


def _stored(file: Path, key: str) -> Any:
    """What the foot of a finished file says; None for a file that is not there, not whole or of other settings: its people are simulated again."""
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")
    try:
        found = pq.read_metadata(file)
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return found if (found.metadata or {}).get(b"settings", b"").decode() == key else None


def _begin(asked: Scenario, place: Path, names: Sequence[str]) -> str:
    """Make the folder; the key of its settings. A folder of other settings is refused."""
    plan = json.dumps([asked.settings(), asked.seed, list(names), __version__, BLOCK], sort_keys=True, default=str)
    key = sha256(plan.encode()).hexdigest()[:32]
    if place.exists() and not place.is_dir():
        raise UsageError("that is a file, not a folder", where=f"--parquet {place}", fix=f"--parquet {place}_people")
    place.mkdir(parents=True, exist_ok=True)
    sweep(place)
    note = place / ".key"
    strangers = [p.name for p in place.iterdir() if p.suffix == ".parquet"]
    if strangers and (not note.is_file() or note.read_text(encoding="utf-8") != key):
        raise UsageError(
            "the folder holds people of other settings",
            where=f"--parquet {place}",
            allowed="an empty folder, or one that was begun with the same words, options and version",
            fix=f"--parquet {place}_2",
        )
    write_durably(note, partial(_fill, key))
    return key


def make_block(block: Block) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The columns of one block and who failed; nothing but the block decides them."""
    asked, names = block.asked, block.names
    people, table, failures, _ = block_of(asked.but(people=block.count), block.first)
    for name in names:
        if name not in table:
            raise unknown_name("output of this run", name, [n for n in output_register() if n in table], where="--keep")
    times = asked.times_h
    lost = {f.person for f in failures}
    good = np.array([p not in lost for p in people.person.tolist()])
    each = len(times)
    columns: dict[str, Any] = {"person": np.repeat(people.person[good], each).astype(np.int32)}
    for name, rows in (("weight", people.weight), ("age", people.age), ("baseline", people.madrs)):
        columns[name] = np.repeat(rows[good], each).astype(np.float32)
    columns["time_h"] = np.tile(times, int(good.sum())).astype(np.float32)
    for name in names:
        columns[name] = table[name][good].ravel().astype(np.float32)
    return columns, [
        {"person": f.person, "time_h": None if f.time_h != f.time_h else f.time_h, "reason": f.reason}
        for f in failures
        if f.person >= 0
    ]
