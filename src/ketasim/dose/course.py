"""One dose, its blocks of repeats, a course of them, and co-medication beside it: frozen values that print themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from ketasim.core import Drug, Route, UsageError
from ketasim.core.arrays import Array

from .patterns import TOLERANCE_H, Pattern
from .quantities import Amount, duration_text, number_text, times_text

PROBED_PERIODS = 3  # of a repeat without end: enough for every gap of the pattern to occur
MOST_DOSES = 20_000  # a longer list is a typing error (fifty years of daily doses)


@dataclass(frozen=True, slots=True)
class Dose:
    """One single dose: drug, route, amount, and how long it takes.

    amount : None for placebo. duration_h : length of an infusion or of a bolus into a vein; 0 for everything else.
    form : infusion | bolus | devices | single, as in the drug catalogue. formulation : "" for the plain one, "extended-release".
    """

    drug: str
    route: str
    amount: Amount | None
    duration_h: float = 0.0
    form: str = "single"
    formulation: str = ""
    entry: Drug = field(compare=False, repr=False, kw_only=True)

    @property
    def way(self) -> Route:
        """The catalogue's entry for this drug by this route, in this formulation."""
        return self.entry.routes[self.route].of(self.formulation)

    def base(self, weight: float | Array | None = None) -> Array:
        """Amount in mg of free base (or units of the preparation), one number per weight given.

        m_base = m_salt M_base / M_salt where the amount was written as HCl; mg/kg is multiplied by the weight in kg.
        """
        if self.amount is None:
            return Amount(0.0, "mg").absolute(weight)
        amount = self.amount.absolute(weight)
        if self.amount.salt and self.entry.molar_mass and self.entry.salt_molar_mass:
            amount = amount * (self.entry.molar_mass / self.entry.salt_molar_mass)
        return amount

    @property
    def over_words(self) -> str:
        """ " over 40 min" for an infusion, else nothing."""
        return f" over {duration_text(self.duration_h)}" if self.form == "infusion" else ""

    def __str__(self) -> str:
        amount = f" {self.amount}" if self.amount is not None else ""
        formulation = f" {self.formulation}" if self.formulation else ""
        return f"{self.drug} {self.route}{amount}{formulation}{self.over_words}"


@dataclass(frozen=True, slots=True)
class Block:
    """A run of equal repeats of one dose.

    pattern with count (None: until the end of the run), or the listed times (h from the start of the line), or
    neither: one dose at the start. amounts: one per dose where they differ, the last one stays.
    """

    dose: Dose
    pattern: Pattern | None = None
    count: int | None = 1
    times_h: tuple[float, ...] = ()
    amounts: tuple[Amount, ...] = ()

    def at(self, index: int) -> Dose:
        """The dose number `index` (0-based) of the block."""
        if not self.amounts:
            return self.dose
        return replace(self.dose, amount=self.amounts[min(index, len(self.amounts) - 1)])

    @property
    def last(self) -> Dose:
        """The last dose of the block, from which the next block takes what it does not say."""
        return self.at(len(self.amounts) - 1) if self.amounts else self.dose

    def words(self, before: Dose | None) -> str:
        """The block in words, leaving out what equals `before` (None: leave out the dose, keep the amounts)."""
        what = self._amounts() if before is None else self._what(before)
        return " ".join(part for part in (what, self.when()) if part)

    def when(self, start: str = "") -> str:
        """The repeats in words, with `start` ("from -3 d") in its place."""
        if self.pattern is not None:
            count = f"x {self.count}" if self.count is not None else ""
            return " ".join(part for part in (str(self.pattern), start, count) if part)
        if self.times_h:
            return f"at {times_text(self.times_h)}"
        return " ".join(part for part in ("once", start) if part)

    def _amounts(self) -> str:
        if not self.amounts:
            return ""
        return ", ".join(number_text(a.value) for a in self.amounts) + f" {_unit(self.amounts[0])}"

    def _what(self, before: Dose) -> str:
        first = self.at(0)
        if _kind(first) != _kind(before):
            return f"{first} {self._amounts()}".strip()
        over = first.over_words if first.duration_h != before.duration_h else ""
        if self.amounts:
            return self._amounts() + over
        if over:
            return f"{first.amount if first.amount is not None else ''}{over}".strip()
        return str(first.amount) if first.amount != before.amount else ""


def _kind(dose: Dose) -> tuple[str, ...]:
    """What a later block must share with the one before it to say only what differs."""
    return dose.drug, dose.route, dose.form, dose.formulation


def _unit(amount: Amount) -> str:
    return str(Amount(0.0, amount.unit, amount.salt)).removeprefix("0 ")


@dataclass(frozen=True, slots=True)
class Course:
    """Blocks one after the other, from `start_h`.

    A named pattern of a later block is counted from the start of the line too: it takes up at the first of its own
    days after the last dose before it. Twice weekly x 8, then weekly x 4 gives days 0, 3, ..., 21, 24 and then 28, 35,
    42, 49. A literal interval starts one interval after the last dose.
    """

    blocks: tuple[Block, ...]
    start_h: float = 0.0

    def times(self, horizon_h: float | None = None) -> Iterator[tuple[float, int, Dose]]:
        """(time in h, index of the block, dose) of every dose before the horizon, ascending.

        Raises `UsageError` if the course has no end and no horizon is given.
        """
        last: float | None = None
        total = 0
        for index, block in enumerate(self.blocks):
            for number, time in enumerate(self._block_times(block, last, horizon_h)):
                if horizon_h is not None and time >= horizon_h - TOLERANCE_H:
                    return
                total += 1
                if total > MOST_DOSES:
                    raise UsageError(
                        f"more than {MOST_DOSES} doses in one line",
                        where=str(self),
                        allowed=f"at most {MOST_DOSES} doses",
                    )
                yield time, index, block.at(number)
                last = time

    def _block_times(self, block: Block, last: float | None, horizon_h: float | None) -> Iterator[float]:
        if block.times_h:
            yield from (self.start_h + time for time in block.times_h)
            return
        if block.pattern is None:
            yield self.start_h
            return
        if block.count is None and horizon_h is None:
            raise UsageError(
                f"'{block.words(block.dose)}' goes on until the end of the run, and no end is given",
                where=str(self),
                allowed="a count of doses (x N), or a horizon",
            )
        times = block.pattern.times(self.start_h, last)
        yield from times if block.count is None else islice(times, block.count)

    def before(self, horizon_h: float) -> Course | None:
        """The course with the doses that start before the horizon only; None if there are none."""
        given = Counter(index for _, index, _ in self.times(horizon_h))
        blocks = [
            replace(
                block,
                count=given[index] if block.pattern is not None or block.times_h else block.count,
                times_h=block.times_h[: given[index]],
                amounts=block.amounts[: given[index]],
            )
            for index, block in enumerate(self.blocks)
            if given[index]
        ]
        return replace(self, blocks=tuple(blocks)) if blocks else None

    @property
    def endless(self) -> bool:
        """True if the last block has no count."""
        return self.blocks[-1].count is None

    @property
    def single(self) -> bool:
        """True for one dose at the start and nothing else."""
        return len(self.blocks) == 1 and self.blocks[0].pattern is None and not self.blocks[0].times_h

    def repeat_words(self) -> str:
        """The repeats without the first dose's own words; empty for a single dose."""
        if self.single:
            return ""
        words = [self.blocks[0].words(None)]
        for before, block in zip(self.blocks, self.blocks[1:], strict=False):
            words.append("then " + block.words(before.last))
        return ", ".join(words)

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.blocks[0].at(0)), self.repeat_words()) if part)


@dataclass(frozen=True, slots=True)
class CoMedication:
    """A drug given beside the main one.

    offsets_h (not empty): at these offsets from each main dose, negative before it; `course` then holds one dose.
    offsets_h empty: a course of its own, counted from t = 0.
    """

    course: Course
    offsets_h: tuple[float, ...] = ()

    def before(self, horizon_h: float, main: Course) -> CoMedication | None:
        """What of it starts before the horizon beside the doses of `main` that do; None if there is nothing."""
        if not self.offsets_h:
            course = self.course.before(horizon_h)
            return None if course is None else replace(self, course=course)
        mains = [time for time, _, _ in main.times(horizon_h)]
        times = sorted({time + offset for time in mains for offset in self.offsets_h})
        kept = tuple(time for time in times if time < horizon_h - TOLERANCE_H)
        if len(kept) == len(times):
            return self
        block = replace(self.course.blocks[0], count=len(kept), times_h=kept)
        return CoMedication(Course((block,))) if kept else None

    def __str__(self) -> str:
        course = self.course
        first = course.blocks[0]
        if self.offsets_h:
            return f"{first.dose} at {times_text(self.offsets_h)}"
        if course.single:
            return f"{first.dose} at {duration_text(course.start_h)} once"
        start = f"from {duration_text(course.start_h)}" if course.start_h else ""
        when = first.when(start) + (" once" if first.times_h else "")
        words = [" ".join(part for part in (first._amounts(), when) if part)]
        for before, block in zip(course.blocks, course.blocks[1:], strict=False):
            words.append("then " + block.words(before.last))
        return f"{first.at(0)} " + ", ".join(words)


def line_text(main: Course, beside: tuple[CoMedication, ...]) -> str:
    """The whole regimen as one line of words."""
    return " with ".join([str(main), *(str(co) for co in beside)])


def every_dose(main: Course, beside: tuple[CoMedication, ...]) -> Iterator[Dose]:
    """Each kind of dose that occurs (not each time it is given)."""
    for course in (main, *(co.course for co in beside)):
        for block in course.blocks:
            for index in range(max(1, len(block.amounts))):
                yield block.at(index)


def sound(course: Course) -> Course:
    """The course if its blocks can follow one another, else a `UsageError`."""
    for block in course.blocks[:-1]:
        if block.count is None:
            raise UsageError(
                "a block without end cannot be followed by another",
                where=str(block.words(block.dose)),
                allowed="a count: x N",
            )
    for block in course.blocks[1:]:
        if block.pattern is None and not block.times_h:
            raise UsageError(
                "when is the next dose? It follows others and has no time of its own",
                where=str(block.dose),
                allowed="a repeat (weekly x 4) or times (at 7 d)",
            )
    last: float | None = None
    previous = -1
    starts: dict[int, float] = {}
    for time, index, _ in course.times(probe(course)):
        starts.setdefault(index, time)
        if index != previous and last is not None and time <= last + TOLERANCE_H:
            block = course.blocks[index]
            raise UsageError(
                "a later block starts before the one before it has ended",
                where=block.words(course.blocks[index - 1].last),
                allowed=f"times after {duration_text(last)}",
            )
        last, previous = time, index
    return course


def probe(course: Course) -> float | None:
    """A horizon that shows the first doses of a course without end."""
    if not course.endless:
        return None
    closed = Course(course.blocks[:-1], course.start_h)
    last = max((time for time, _, _ in closed.times()), default=course.start_h) if closed.blocks else course.start_h
    pattern = course.blocks[-1].pattern
    assert pattern is not None
    return last + PROBED_PERIODS * pattern.period_h
