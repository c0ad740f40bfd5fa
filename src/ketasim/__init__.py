"""Ketasim: from a dose of ketamine to the mood.

    import ketasim
    result = ketasim.run("ketamine iv 0.5 mg/kg over 40 min", people=100)
    result["madrs.effect"].typical

Research and teaching only. Everything here is loaded when it is first used. The public names are functions and classes whatever
else was imported before: `ketasim.dose` is the function also after `from ketasim.dose import parse`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .core.errors import KetasimError, UsageError
    from .core.names import output
    from .core.values import value
    from .decide.claims import evaluate_all as claims
    from .decide.next_study import next_study
    from .dose import dose
    from .evidence.fit.check import card_of as check
    from .evidence.weigh.weighing import weigh
    from .person.forecast import forecast
    from .person.screening import screen
    from .scenario.compare import Comparison, compare
    from .scenario.experiments import experiment
    from .scenario.plan import Scenario, scenario
    from .scenario.result import Result
    from .scenario.run import run
    from .trial.simulate import trial

_HOMES = {
    "Comparison": "scenario.compare:Comparison",
    "KetasimError": "core.errors:KetasimError",
    "Result": "scenario.result:Result",
    "Scenario": "scenario.plan:Scenario",
    "UsageError": "core.errors:UsageError",
    "check": "evidence.fit.check:card_of",
    "claims": "decide.claims:evaluate_all",
    "compare": "scenario.compare:compare",
    "dose": "dose:dose",
    "experiment": "scenario.experiments:experiment",
    "forecast": "person.forecast:forecast",
    "next_study": "decide.next_study:next_study",
    "output": "core.names:output",
    "run": "scenario.run:run",
    "scenario": "scenario.plan:scenario",
    "screen": "person.screening:screen",
    "trial": "trial.simulate:trial",
    "value": "core.values:value",
    "weigh": "evidence.weigh.weighing:weigh",
}

_GOING: dict[str, tuple[str, str]] = {}
"""Names that go: the public name that takes their place, and the version without them (at least one minor version after the first warning)."""

__all__ = [
    "Comparison",
    "KetasimError",
    "Result",
    "Scenario",
    "UsageError",
    "__version__",
    "check",
    "claims",
    "compare",
    "dose",
    "experiment",
    "forecast",
    "next_study",
    "output",
    "run",
    "scenario",
    "screen",
    "trial",
    "value",
    "weigh",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name in _HOMES:
        module, _, thing = _HOMES[name].partition(":")
        found = getattr(importlib.import_module(f"{__name__}.{module}"), thing)
        globals()[name] = found
        return found
    if name in _GOING:
        from .core.deprecated import deprecated

        instead, gone_in = _GOING[name]
        deprecated(f"{__name__}.{name}", f"{__name__}.{instead}", gone_in)
        return __getattr__(instead)
    raise AttributeError(f"module 'ketasim' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """A package whose public names keep their meaning: importing a subpackage of the same name does not take it over."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            return  # the import system binds `ketasim.dose`, the package; it stays reachable as `from ketasim.dose import ...`
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
