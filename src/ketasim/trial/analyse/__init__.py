"""Analyses of virtual trials, batched over replicates."""

from .estimands import ANALYSES, Analysis, Estimand
from .means import ancova, t_test
from .mmrm import Mmrm, mmrm
from .result import Comparison
from .status import Status

__all__ = ["ANALYSES", "Analysis", "Comparison", "Estimand", "Mmrm", "Status", "ancova", "mmrm", "t_test"]
