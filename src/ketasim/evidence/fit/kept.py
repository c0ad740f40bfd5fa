"""Ranks of synthetic sets on disk, so that a calibration that takes hours goes on where it was stopped.

The file is text, a JSON object a line: first what it is of, {"of": "..."}, then a set each, {"set": 3, "ranks": [...]}. A set is appended when it is
done, so that keeping the last costs what keeping the first did; a last line that was cut short (the process was killed) counts as not there.
A file as written until November 2026, one object {"of": "...", "ranks": {"3": [...]}}, is read too, and written as lines with the next set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.core import KetasimError
from ketasim.core.files import write_durably

from .ranks import Ranks


class Kept:
    """Ranks of synthetic sets by number, in a file; those of another fit are dropped.

    path : the file, there or not; of : what the ranks are of, any text (a digest of the fit). Raises KetasimError for a file that is none of these.
    """

    def __init__(self, path: Path, of: str) -> None:
        self.path, self.of = path, of
        self.ranks: dict[int, list[int]] = {}
        self._begun = False  # whether the file is one to append to
        if path.exists():
            self._read()

    def missing(self, sets: int) -> list[int]:
        """Numbers below `sets` that are not there."""
        return [number for number in range(sets) if number not in self.ranks]

    def add(self, number: int, ranks: Sequence[int]) -> None:
        """Keep the ranks of one set."""
        self.ranks[number] = [int(rank) for rank in ranks]
        if not self._begun:
            self._begin()
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(number, self.ranks[number]))

    def of_all(self, keys: Sequence[str], sets: int) -> Ranks:
        """Those below `sets` that are there; keys : the values, in the order of the ranks of a set."""
        return Ranks(tuple(keys), np.array([self.ranks[k] for k in range(sets) if k in self.ranks]))

    def _begin(self) -> None:
        """The whole file anew: what it is of, and every set so far."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"of": self.of}) + "\n" + "".join(_line(k, ranks) for k, ranks in self.ranks.items())

        def write(part: Path) -> None:
            part.write_text(text, encoding="utf-8")

        write_durably(self.path, write)
        self._begun = True

    def _read(self) -> None:
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        head = self._object(lines[0] if lines else "", 1, {"of"})
        if head["of"] != self.of:
            return
        if "ranks" in head:
            self.ranks = {int(number): [int(rank) for rank in ranks] for number, ranks in head["ranks"].items()}
            return
        cut = not lines[-1].endswith("\n")
        for place, line in enumerate(lines[1 : len(lines) - cut], 2):
            entry = self._object(line, place, {"set", "ranks"})
            self.ranks[int(entry["set"])] = [int(rank) for rank in entry["ranks"]]
        self._begun = not cut

    def _object(self, line: str, place: int, needs: set[str]) -> Mapping[str, Any]:
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or not needs <= found.keys():
            raise KetasimError(
                "that is no file of ranks of synthetic sets",
                where=f"{self.path}, line {place}",
                allowed=f"a JSON object with {', '.join(sorted(needs))}",
                fix=f"rm {self.path}   # or another place: --keep FILE",
            )
        return found


def _line(number: int, ranks: Sequence[int]) -> str:
    return json.dumps({"set": number, "ranks": list(ranks)}) + "\n"
