"""The stages of the chain, from plasma to mood and body. Each is a folder; none knows the others."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache

from ketasim.core import Stage

from .own import with_own

NAMES = ("plasma", "receptors", "circuit", "plasticity", "mood", "body")
"""In the order of the chain: a stage takes ports of the stages before it."""


@cache
def all_stages() -> tuple[Stage, ...]:
    """Every stage, in the order of the chain."""
    found = []
    for name in NAMES:
        module = f"{__name__}.{name}.stage"
        if importlib.util.find_spec(module) is not None:
            stage: Stage = importlib.import_module(module).STAGE
            found.append(stage)
    return with_own(tuple(found))
