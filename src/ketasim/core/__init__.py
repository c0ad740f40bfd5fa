"""The language of the project: units, values with their sources, names, errors, random streams, run records, ports."""

from .errors import CheckFailed, KetasimError, UsageError, nearest, unknown_name
from .names import Output, output, output_register
from .ports import Fragment, Port, Stage, Total
from .streams import normals, stream
from .values import (
    Source,
    Spread,
    Value,
    all_values,
    knowledge_path,
    read_toml,
    sources,
    stages_with_values,
    value,
    values,
)

__all__ = [
    "CheckFailed",
    "Fragment",
    "KetasimError",
    "Output",
    "Port",
    "Source",
    "Spread",
    "Stage",
    "Total",
    "UsageError",
    "Value",
    "all_values",
    "knowledge_path",
    "nearest",
    "normals",
    "output",
    "output_register",
    "read_toml",
    "sources",
    "stages_with_values",
    "stream",
    "unknown_name",
    "value",
    "values",
]
