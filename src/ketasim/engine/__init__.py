"""Model text to trajectories: reads SBML or Antimony, writes vector machine code, integrates many people at once.

It takes arrays and knows neither people nor ketamine. Importing this package is cheap: numpy is loaded when a name of it
is used, libSBML and LLVM when a model is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        Jump,
        Model,
        Options,
        Schedule,
        SteadyState,
        Streamed,
        Trajectories,
        compile_model,
        steady_state,
        stream,
    )

__all__ = [
    "Jump",
    "Model",
    "Options",
    "Schedule",
    "SteadyState",
    "Streamed",
    "Trajectories",
    "compile_model",
    "steady_state",
    "stream",
]


def __getattr__(name: str) -> Any:
    """Loads a public name on first use, so that the command line can answer Ctrl-C while numpy loads."""
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module 'ketasim.engine' has no attribute '{name}'")
