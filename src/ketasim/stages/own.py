"""Mechanisms of one's own: a TOML file and an .ant file become a further variant of a stage of the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ketasim.core import KetasimError, Stage, unknown_name
from ketasim.core.own import own_files
from ketasim.core.ports import Fragment, Port
from ketasim.core.values import read_toml

FIELDS = ("stage", "variant", "file", "provides", "switch", "parts", "inputs", "outputs")
PORT_FIELDS = ("unit", "label", "null", "observed")


def with_own(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages with every mechanism of one's own as a variant. None is on unless it is asked for.

    Raises UsageError or KetasimError, with the file, for a stage nobody knows, a variant or port that is there already, a missing .ant file.
    """
    found = {stage.name: stage for stage in stages}
    for path in own_files("stages"):
        table = read_toml(path)
        where = str(path)
        for key in table:
            if key not in FIELDS:
                raise unknown_name("field of a mechanism", key, FIELDS, where=where)
        for key in ("stage", "variant", "file"):
            if not isinstance(table.get(key), str):
                raise KetasimError(f"the mechanism has no {key}", where=where, fix=f'{key} = "..."')
        if table["stage"] not in found:
            raise unknown_name("stage", table["stage"], found, where=where)
        stage = found[table["stage"]]
        text = (path.parent / table["file"]).resolve()
        if not text.is_file() or text.parent != path.parent.resolve():
            raise KetasimError(f"the file {table['file']} does not lie beside it", where=where, fix=f"{path.stem}.ant")
        if table["variant"] in stage.fragments:
            raise KetasimError(
                f"the stage {stage.name} has a variant {table['variant']} already",
                where=where,
                fix='variant = "own_..."',
            )
        known = {port.name for port in stage.inputs}
        piece = Fragment(
            str(text),
            parts=tuple(table.get("parts", ())),
            provides=tuple(table.get("provides", ())),
            switch=tuple(table.get("switch", ())),
        )
        found[stage.name] = replace(
            stage,
            fragments={**stage.fragments, table["variant"]: (piece,)},
            inputs=(*stage.inputs, *(p for p in _ports(table.get("inputs", {}), where) if p.name not in known)),
            outputs=(*stage.outputs, *_ports(table.get("outputs", {}), where)),
        )
    return tuple(found[stage.name] for stage in stages)


def _ports(tables: Mapping[str, Any], where: str) -> tuple[Port, ...]:
    for name, table in tables.items():
        for key in table:
            if key not in PORT_FIELDS:
                raise unknown_name("field of a port", key, PORT_FIELDS, where=f"{where}, {name}")
        if "unit" not in table:
            raise KetasimError(f"the port {name} has no unit", where=where, fix='unit = "dimensionless"')
    return tuple(Port(name, **table) for name, table in tables.items())
