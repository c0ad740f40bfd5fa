"""Regimens: all doses of one scenario, read from words or built with verbs; verbs return new values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ketasim.core import Drug, UsageError
from ketasim.core.arrays import Array
from ketasim.core.numbers import text as text_of
from ketasim.core.numbers import whole

from . import expand
from .course import CoMedication, Course, Dose, every_dose, line_text, sound
from .expand import DoseEvent, DoseWarning, LedgerRow, ScheduledDose
from .grammar import continued, read_beside, read_words, repeated
from .preview import preview as table
from .vocabulary import Vocabulary

EXAMPLE = '"ketamine iv 0.5 mg/kg over 40 min"'


@dataclass(frozen=True, slots=True)
class Regimen:
    """All doses of one scenario: the main course from t = 0 and the co-medication beside it.

    `str(regimen)` is one line of words that `parse` reads back as an equal regimen.
    """

    main: Course
    beside: tuple[CoMedication, ...] = ()

    def __post_init__(self) -> None:
        expand.refuse_clash(self.main, self.beside)

    # verbs -----------------------------------------------------------------------------------------------------

    def every(self, interval: str, times: int | None = None) -> Regimen:
        """The last dose repeated: `every("3.5 d", times=8)`, `every("two weeks", times=4)`; no times = to the end."""
        count = "" if times is None else f" x {whole('times', times, 'times=8')}"
        return self.repeat(f"every {text_of('interval', interval)}{count}")

    def repeat(self, words: str) -> Regimen:
        """The last dose repeated as in the words of --repeat: `repeat("twice weekly x 8, then weekly x 4")`."""
        words = text_of("repeat", words, 'repeat="twice weekly x 6"')
        return replace(self, main=repeated(self.main, words, self._known()))

    def at(self, *times: str) -> Regimen:
        """The dose at listed times from the first one: `at("0 d", "3 d", "7 d")` or `at("0, 3, 7 d")`."""
        return self.repeat("at " + ", ".join(text_of("at", time, '.at("0, 3, 7 d")') for time in times))

    def then(self, after: str | Regimen) -> Regimen:
        """A further block, in words ("weekly x 4", "84 mg weekly x 4") or another regimen's blocks and co-medication."""
        if isinstance(after, Regimen):
            main = sound(replace(self.main, blocks=self.main.blocks + after.main.blocks))
            return replace(self, main=main, beside=self.beside + after.beside)
        words = text_of("then", after, '.then("weekly x 4")')
        return replace(self, main=continued(self.main, words, self._known()))

    def with_(self, words: str | Regimen, at: str = "", once: bool = False, compounds: Iterable[Drug] = ()) -> Regimen:
        """Co-medication beside it, in the words of --with, or a regimen placed `at` an offset ("-45 min")."""
        if not isinstance(words, Regimen):
            text_of("with", words, '.with_("naltrexone oral 50 mg at -45 min")')
        placement = (f" at {at}" if at else "") + (" once" if once else "")
        if isinstance(words, Regimen):
            compounds = [*compounds, *words.drugs()]
        known = Vocabulary([*compounds, *self.drugs()])
        co = read_beside(str(words) + placement, self.main, self.beside, known)
        return replace(self, beside=(*self.beside, co))

    # questions -------------------------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """The first main dose in words ("ketamine iv 0.5 mg/kg over 40 min")."""
        return str(self.main.blocks[0].at(0))

    @property
    def repeat_words(self) -> str:
        """The main repeats in the words of --repeat; empty for a single dose."""
        return self.main.repeat_words()

    @property
    def with_words(self) -> tuple[str, ...]:
        """Each co-medication in the words of --with."""
        return tuple(str(co) for co in self.beside)

    def every_dose(self) -> Iterator[Dose]:
        """Each kind of dose that occurs (not each time it is given)."""
        return every_dose(self.main, self.beside)

    def drugs(self) -> tuple[Drug, ...]:
        """The drugs that occur, main drug first, each once."""
        return tuple({dose.drug: dose.entry for dose in self.every_dose()}.values())

    @property
    def per_kg(self) -> bool:
        """True if some amount is per kilogram."""
        return any(dose.amount is not None and dose.amount.per_kg for dose in self.every_dose())

    @property
    def endless(self) -> bool:
        """True if some line goes on until the end of the run."""
        return self.main.endless or any(co.course.endless for co in self.beside)

    def doses(self, horizon_h: float | None = None) -> tuple[ScheduledDose, ...]:
        """Every single dose that starts before the horizon, in order of time; see `expand.scheduled`."""
        return expand.scheduled(self.main, self.beside, horizon_h)

    def events(self, horizon_h: float | None = None, weights: float | Array | None = None) -> tuple[DoseEvent, ...]:
        """Every event: each dose, nasal doses split into their devices; see `expand.events`."""
        return expand.events(self.main, self.beside, horizon_h, weights)

    def warnings(self, horizon_h: float | None = None) -> tuple[DoseWarning, ...]:
        """What runs but should be known: doses outside any studied range, kinetics assumed, doses after the end."""
        return expand.warnings(self.main, self.beside, horizon_h)

    def ledger(self, weight: float | None = None, horizon_h: float | None = None) -> tuple[LedgerRow, ...]:
        """One row per single dose with the mg asked for; what was given is read back after the integration."""
        return expand.ledger(self.main, self.beside, weight, horizon_h)

    def preview(self, weight: float | None = None, horizon_h: float | None = None) -> str:
        """A printable table of every single dose for a person of that weight (kg)."""
        return table(self.main, self.beside, weight, horizon_h)

    def start_h(self, horizon_h: float | None = None) -> float:
        """The time at which integration starts: the earliest dose, never after t = 0."""
        return min(0.0, *(dose.time_h for dose in self.doses(horizon_h)), 0.0)

    def _known(self) -> Vocabulary:
        return Vocabulary(self.drugs())

    def until(self, horizon_h: float) -> Regimen:
        """The regimen with the doses that start before `horizon_h` (h) only; an endless repeat gets its count."""
        main = self.main.before(horizon_h)
        return Regimen(
            main or self.main, tuple(co for each in self.beside if (co := each.before(horizon_h, self.main)))
        )

    def __str__(self) -> str:
        return line_text(self.main, self.beside)


def parse(text: str, repeat: str = "", with_: str | Sequence[str] = (), compounds: Iterable[Drug] = ()) -> Regimen:
    """Read a scenario in words.

    text : "DRUG ROUTE AMOUNT [HCl] [over DURATION] [REPEAT] [with CO-MEDICATION] ...".
    repeat : the words of --repeat, when the repeats do not stand in `text`.
    with_ : the words of --with, one or several.
    compounds : drugs of the user's own (`core.drugs.read_drug`), known by their names beside the catalogue.

    Returns a `Regimen`; `str` of it is the canonical line, and parses to an equal regimen. Raises `UsageError` with
    what is wrong, the line with a caret under the word, what is allowed, and a corrected line that works.
    """
    given = text_of("the scenario", text, EXAMPLE)
    again = text_of("repeat", repeat, 'repeat="twice weekly x 6"')
    main, beside = read_words(given, again, _texts_of(with_), Vocabulary(_drugs_of(compounds)))
    return Regimen(main, beside)


def dose(text: str, compounds: Iterable[Drug] = ()) -> Regimen:
    """A regimen from words, to build on: `dose("ketamine iv 0.5 mg/kg over 40 min").every("3.5 d", times=8)`.

    text : DRUG ROUTE AMOUNT [over DURATION] [repeat], mg or mg/kg of free base. compounds : drugs of one's own.

    Returns a `Regimen` (times in h from the first dose, amounts in mg). Raises UsageError for words that cannot be read in one way.
    """
    return parse(text, compounds=compounds)


def _texts_of(with_: object) -> list[str]:
    """The words of --with, one text or several."""
    example = 'with_="naltrexone oral 50 mg at -45 min"'
    if isinstance(with_, str):
        return [with_]
    if isinstance(with_, bytes) or not isinstance(with_, Iterable):
        return [text_of("with_", with_, example)]  # which raises
    return [text_of("with_", words, example) for words in with_]


def _drugs_of(compounds: object) -> list[Drug]:
    """Compounds of the user's own, as read by `core.drugs.read_drug`."""
    if isinstance(compounds, Drug):
        return [compounds]
    found = (
        list(compounds) if isinstance(compounds, Iterable) and not isinstance(compounds, str | bytes) else [compounds]
    )
    for item in found:
        if not isinstance(item, Drug):
            raise UsageError(
                f"a compound is a Drug, not {item!r:.60}",
                where="compounds",
                allowed="what ketasim.core.read_drug(path) returns",
            )
    return [item for item in found if isinstance(item, Drug)]
