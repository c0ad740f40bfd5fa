"""Treatments beside the drug in an option of a forecast: the drive of `ratings.add_ons`, with what nobody knows drawn once for each member.

The words are those of `run --with` and of the arms of a trial (`ratings.add_ons.split_add_ons`); times count from the start of the option. Every member keeps his
numbers under every option, so that options differ by what is added and not by luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ketasim.core import normals, values
from ketasim.core.arrays import Array, IntArray
from ketasim.ratings.add_ons import LONGEST_H, AddOn, add_on_drive, usual

SEED = 19


def added_drive(added: Sequence[AddOn], start_h: float, times: Array, drug: Array, members: IntArray) -> Array:
    """Drive L of all of them together, (N, T). start_h : of the option, h from the first dose; times (T,) h likewise; drug (N, T) : the drug's own drive on mood."""
    z = {
        one.kind: (
            normals(SEED, f"add-on {one.kind}", members),
            normals(SEED, f"add-on {one.kind} synergy", members),
        )
        for one in added
    }
    return add_on_drive([one.after(start_h) for one in added], z, times, drug)


def plain(one: AddOn) -> dict[str, Any]:
    """What is assumed of it as plain data, with its basis; "stated" where the words of the option give the size."""
    shipped, known = values("add_ons")[one.kind.replace("-", "_").replace(" ", "_") + "_drive"], usual(one.kind)
    stated = (one.mean, one.sd) != (known.mean, known.sd)
    return {
        "kind": one.kind,
        "from_day": one.from_h / 24.0,
        "to_day": None if one.to_h >= LONGEST_H else one.to_h / 24.0,
        "onset_days": one.onset_h / 24.0,
        "drive": one.mean,
        "drive_sd": one.sd,
        "synergy": one.synergy_mean,
        "synergy_sd": one.synergy_sd,
        "basis": "stated" if stated else shipped.basis,
        "place": "the size stands in the words of the option" if stated else shipped.place,
        "records": [] if stated else list(shipped.records),
        "note": "" if stated else shipped.note,
    }
