"""The one forward run: what was given, in whom, through which equations, read at which times."""

from .course import Courses, Forward, no_course
from .dosing import Dosed, Given, Held, Sessions, Sudden, deliveries, part_of, parts_needed, schedule
from .mass import molar_mass
from .sessions import Differing, differing
from .tolerance import CLOSE, SMOOTH, STANDARD, Tolerance

__all__ = [
    "CLOSE",
    "SMOOTH",
    "STANDARD",
    "Courses",
    "Differing",
    "Dosed",
    "Forward",
    "Given",
    "Held",
    "Sessions",
    "Sudden",
    "Tolerance",
    "deliveries",
    "differing",
    "molar_mass",
    "no_course",
    "part_of",
    "parts_needed",
    "schedule",
]
