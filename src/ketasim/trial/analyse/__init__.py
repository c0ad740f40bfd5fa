"""Analyses of virtual trials, batched over replicates."""

from .mmrm import Mmrm, mmrm
from .status import Status

__all__ = ["Mmrm", "Status", "mmrm"]
