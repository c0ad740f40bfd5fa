"""Doses: the regimen words as frozen values, a preview of every single dose, and the segments between dose events."""

from .expand import DoseEvent, DoseWarning, LedgerRow, ScheduledDose
from .grammar import dose, parse
from .grid import COARSE, FINE, MEDIUM, Grid, output_times
from .quantities import Amount
from .regimen import Block, CoMedication, Course, Dose, Regimen
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
