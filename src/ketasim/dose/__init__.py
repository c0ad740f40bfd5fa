"""Doses: the regimen words as frozen values, a preview of every single dose, and the segments between dose events."""

from .course import Block, CoMedication, Course, Dose
from .expand import DoseEvent, DoseWarning, LedgerRow, ScheduledDose
from .grid import COARSE, FINE, MEDIUM, Grid, output_times
from .quantities import Amount
from .regimen import Regimen, dose, parse
from .segments import Jump, JumpAt, Schedule, Window, build_schedule

__all__ = [
    "COARSE",
    "FINE",
    "MEDIUM",
    "Amount",
    "Block",
    "CoMedication",
    "Course",
    "Dose",
    "DoseEvent",
    "DoseWarning",
    "Grid",
    "Jump",
    "JumpAt",
    "LedgerRow",
    "Regimen",
    "Schedule",
    "ScheduledDose",
    "Window",
    "build_schedule",
    "dose",
    "output_times",
    "parse",
]
