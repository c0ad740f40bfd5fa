"""The register of output names: one canonical name, one unit, aliases (knowledge/names.toml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .errors import KetasimError, unknown_name
from .frozen import FrozenMapping
from .values import knowledge_path, read_toml


@dataclass(frozen=True, slots=True)
class Output:
    """One output of Ketasim: what a reader must know to compare it with a measurement, and where it comes from.

    ports : ports of the chain that are added up (plasma.ketamine = S + R); empty for what the observation model gives.
    molar_mass : converts umol/L to ng/mL; a value (`molar_mass_norketamine`) or, as `drug:NAME`, the catalogue's.
    resting : the quantity of a person that is added (`sbp` = resting pressure + rise).
    needs : shown only if one of these parts is in the model; empty = always.
    site, scale, rater, window : of the measurement that this output stands beside.
    low, high : the ends of the scale, None = open.
    caveat : what must stand beside the number wherever it is shown, short (`computed, never measured in people`).
    """

    name: str
    unit: str
    label: str
    stage: str
    ports: tuple[str, ...] = ()
    molar_mass: str = ""
    resting: str = ""
    needs: tuple[str, ...] = ()
    site: str = ""
    scale: str = ""
    rater: str = ""
    window: str = ""
    aliases: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    note: str = ""
    caveat: str = ""

    @property
    def observed(self) -> bool:
        """True if the observation model gives this output, not a port of the chain."""
        return not self.ports


@cache
def output_register() -> Mapping[str, Output]:
    """All output names, in register order."""
    path = knowledge_path() / "names.toml"
    found: dict[str, Output] = {}
    for name, table in read_toml(path).items():
        for field in ("ports", "aliases", "needs"):
            if field in table:
                table[field] = tuple(table[field])
        try:
            found[name] = Output(name=name, **table)
        except TypeError as error:
            raise KetasimError(f"unknown or missing field: {error}", where=f"names.toml, [{name}]") from error
    return FrozenMapping(found)


@cache
def _aliases() -> Mapping[str, str]:
    table: dict[str, str] = {}
    for output in output_register().values():
        for word in (output.name, *output.aliases):
            if table.setdefault(word.lower(), output.name) != output.name:
                raise KetasimError(f"the name '{word}' is used twice", where="names.toml")
    return FrozenMapping(table)


def output(name: str) -> Output:
    """The output of that name or alias, with its unit, site and scale. Raises UsageError for an unknown name, with the nearest ones."""
    found = _aliases().get(name.lower().strip())
    if found is None:
        raise unknown_name("output", name, output_register())
    return output_register()[found]
