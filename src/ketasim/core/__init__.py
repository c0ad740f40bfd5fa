"""The language of the project: units, values with their sources, names, errors, random streams, run records, ports."""

from .drug_types import Drug, Route, route_name, route_names
from .drugs import drug, drug_words, drugs, read_drug, same_class
from .errors import CheckFailed, KetasimError, Problem, UsageError, misspelt, nearest, unknown_name
from .frozen import FrozenMapping
from .names import Output, output, output_register
from .normal import (
    chi_square_above,
    inverse_normal,
    log_normal_cdf,
    log_sum_exp,
    normal_cdf,
    normal_cdf_quick,
    normal_quadrature,
)
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
    "Drug",
    "Fragment",
    "FrozenMapping",
    "KetasimError",
    "Output",
    "Port",
    "Problem",
    "Route",
    "Source",
    "Spread",
    "Stage",
    "Total",
    "UsageError",
    "Value",
    "all_values",
    "chi_square_above",
    "drug",
    "drug_words",
    "drugs",
    "inverse_normal",
    "knowledge_path",
    "log_normal_cdf",
    "log_sum_exp",
    "misspelt",
    "nearest",
    "normal_cdf",
    "normal_cdf_quick",
    "normal_quadrature",
    "normals",
    "output",
    "output_register",
    "read_drug",
    "read_toml",
    "route_name",
    "route_names",
    "same_class",
    "sources",
    "stages_with_values",
    "stream",
    "unknown_name",
    "value",
    "values",
]
