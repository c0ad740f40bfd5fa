"""A scenario from a table of the knowledge: arms of virtual experiments and scenarios of the claims ledger are written in the same words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ketasim.forward import Held, Sudden

from .plan import Scenario, read_times, scenario


def scenario_of_table(
    table: Mapping[str, Any],
    *,
    at: Collection[float] | None,
    values: Mapping[str, float],
    variants: Mapping[str, str | Sequence[str]] | None,
    hypothesis: str | None = None,
    optional: Sequence[str] = (),
    people: int = 0,
    seed: int = 1,
    name: str = "",
) -> Scenario:
    """The scenario of a table with the keys words, repeat, with, setting, masked, days, genotype, parts, jumps, held.

    at : output times in h beside 0 (None: the usual ones). values, variants, hypothesis, optional, people, seed, name : as in `scenario`; how a table
    changes values and mechanisms is the caller's. Raises UsageError for words that cannot be read, KeyError for a table without `words`.
    """
    return scenario(
        table["words"],
        repeat=table.get("repeat", ""),
        with_=tuple(table.get("with", ())),
        setting=table.get("setting", "saline"),
        masked=table.get("masked", False),
        days=table.get("days"),
        at=None if at is None else sorted({0.0, *at}),
        people=people,
        seed=seed,
        genotype=table.get("genotype"),
        variants=variants,
        hypothesis=hypothesis,
        values=values,
        optional=optional,
        parts=table.get("parts", ()),
        sudden=[
            Sudden(read_times(j["at"])[0], j["state"], scale=float(j.get("scale", 1.0)), add=float(j.get("add", 0.0)))
            for j in table.get("jumps", ())
        ],
        held=[
            Held(h["input"], float(h["level"]), read_times(h["from"])[0], read_times(h["to"])[0])
            for h in table.get("held", ())
        ],
        name=name,
    )
