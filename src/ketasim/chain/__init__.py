"""The chain: the stages' files composed into one model, its unit gate, its page, and what it says about a name."""

from ketasim.core import Problem

from .compose import DEFAULT_PARTS, Composition, CompositionError, Equation, compose
from .registry import registry
from .sbml import to_sbml
from .show import Explanation, explain

__all__ = [
    "DEFAULT_PARTS",
    "Composition",
    "CompositionError",
    "Equation",
    "Explanation",
    "Problem",
    "compose",
    "explain",
    "registry",
    "to_sbml",
]
