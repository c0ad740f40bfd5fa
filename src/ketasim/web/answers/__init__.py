"""What the server answers, as types: the interface for programs (/openapi.json) and, generated from it, the types of the page.

Answers are made by the public functions and sent as they are; these classes describe them, and a test holds both together.
"""

from __future__ import annotations

from .base import Answer
from .facts import (
    Approval,
    Catalogue,
    Choice,
    Crisis,
    CrisisLine,
    Drug,
    ExperimentCard,
    Explanation,
    Forward,
    GlossaryTerm,
    Link,
    Named,
    Output,
    OwnPart,
    Route,
    Shown,
    SpreadOf,
    StudyHead,
    ValueEntry,
)
from .guide import Guide, GuideBlock, GuideItem, GuideNumber, GuidePart, GuideRest, GuideRow, GuideSection
from .runs import Care, CareLook, CurveOutput, Dose, Failure, Observed, Reported, Run, Status
from .trials import ArmRead, DesignFile, DesignRead, DesignWords, Screened, Task
from .what_if import HeadlineIf, KnownOf, Mattering, Matters, Uncertain, WhatIf

__all__ = [
    "Answer",
    "Approval",
    "ArmRead",
    "Care",
    "CareLook",
    "Catalogue",
    "Choice",
    "Crisis",
    "CrisisLine",
    "CurveOutput",
    "DesignFile",
    "DesignRead",
    "DesignWords",
    "Dose",
    "Drug",
    "ExperimentCard",
    "Explanation",
    "Failure",
    "Forward",
    "GlossaryTerm",
    "Guide",
    "GuideBlock",
    "GuideItem",
    "GuideNumber",
    "GuidePart",
    "GuideRest",
    "GuideRow",
    "GuideSection",
    "HeadlineIf",
    "KnownOf",
    "Link",
    "Mattering",
    "Matters",
    "Named",
    "Observed",
    "Output",
    "OwnPart",
    "Reported",
    "Route",
    "Run",
    "Screened",
    "Shown",
    "SpreadOf",
    "Status",
    "StudyHead",
    "Task",
    "Uncertain",
    "ValueEntry",
    "WhatIf",
]
