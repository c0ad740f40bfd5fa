"""Ketasim: from a dose of ketamine to the mood.

    import ketasim
    result = ketasim.run("ketamine iv 0.5 mg/kg over 40 min", people=100)
    result["madrs.effect"].typical

Research and teaching only. Everything here is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ketasim._version import __version__

if TYPE_CHECKING:
    from ketasim.core.errors import KetasimError
    from ketasim.core.names import output
    from ketasim.core.values import value
    from ketasim.dose import dose
    from ketasim.scenario.compare import Comparison, compare
    from ketasim.scenario.experiments import experiment
    from ketasim.scenario.plan import Scenario, scenario
    from ketasim.scenario.result import Result
    from ketasim.scenario.run import run

_HOMES = {
    "Comparison": "scenario.compare",
    "KetasimError": "core.errors",
    "Result": "scenario.result",
    "Scenario": "scenario.plan",
    "compare": "scenario.compare",
    "dose": "dose",
    "experiment": "scenario.experiments",
    "output": "core.names",
    "run": "scenario.run",
    "scenario": "scenario.plan",
    "value": "core.values",
}

__all__ = [
    "Comparison",
    "KetasimError",
    "Result",
    "Scenario",
    "__version__",
    "compare",
    "dose",
    "experiment",
    "output",
    "run",
    "scenario",
    "value",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ketasim' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
