"""Molar masses: umol/L times g/mol is ng/mL."""

from __future__ import annotations

from functools import lru_cache

from ketasim.core import KetasimError, drug, value


@lru_cache(maxsize=64)
def molar_mass(where: str) -> float:
    """Molar mass in g/mol, of "drug:NAME" (the free base in the catalogue of drugs) or of a value (`molar_mass_norketamine`).

    Raises KetasimError for a preparation that is dosed in units and has none.
    """
    word, _, name = where.partition("drug:")
    if word:
        return value(word).value
    found = drug(name).molar_mass
    if found is None:
        raise KetasimError(f"{name} has no molar mass", where=where, allowed="drugs that are dosed by mass")
    return float(found)
