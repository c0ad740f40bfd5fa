"""The one forward run: what was given, in whom, through which equations, read at which times."""

from .course import Courses, Forward, no_course
from .dosing import Dosed, Given, Held, Sudden, deliveries, part_of, parts_needed, schedule
from .mass import molar_mass
from .tolerance import CLOSE, SMOOTH, STANDARD, Tolerance

__all__ = [
    "CLOSE",
    "SMOOTH",
    "STANDARD",
    "Courses",
    "Dosed",
    "Forward",
    "Given",
    "Held",
    "Sudden",
    "Tolerance",
    "deliveries",
    "molar_mass",
    "no_course",
    "part_of",
    "parts_needed",
    "schedule",
]
