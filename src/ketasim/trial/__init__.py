"""Virtual trials: designs, people, replicates and their analyses. `from ketasim.trial import one_trial`, `trial`, `find_design`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .library import find_design
    from .simulate import one_trial, trial

_HOMES = {"find_design": "library", "one_trial": "simulate", "trial": "simulate"}
__all__ = ["find_design", "one_trial", "trial"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
