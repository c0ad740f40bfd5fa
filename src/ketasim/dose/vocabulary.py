"""The drugs and routes that may be named, and the first words of a dose: DRUG ROUTE."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ketasim.core import Drug, FrozenMapping, Route, drug_words, drugs, misspelt, route_names, same_class
from ketasim.core.drug_types import plain

from .text import Fault

_LONGEST_ROUTE = 3  # words
SALT_WORDS = ("hcl", "hydrochloride")
FORMULATION_WORDS: Mapping[str, tuple[str, ...]] = FrozenMapping(
    {"extended-release": ("extended-release", "prolonged-release", "sustained-release", "slow-release", "xr", "er")}
)
"""The name of a formulation in the drug files and the words it may be called by, hyphen or not."""
_WORD = re.compile(r"\S+")
_NUMBER = re.compile(r"[+-]?[\d.]")
_AMOUNT_FIRST = re.compile(r"(?P<amount>[\d.]+ *[a-zA-Zµμ]+(?:/[a-zA-Z]+)*) +(?:of +)?")


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, str]:
    return {plain(word): name for word, name in drug_words().items()}


@lru_cache(maxsize=1)
def _routes() -> dict[str, str]:
    return {plain(word): name for name, words in route_names().items() for word in words}


class Vocabulary:
    """The drugs that may be named: the catalogue, and compounds of the user's own."""

    def __init__(self, compounds: Iterable[Drug] = ()) -> None:
        self.own = {entry.name: entry for entry in compounds if entry.name not in drugs()}
        self._own_keys = {plain(word): name for name, entry in self.own.items() for word in (name, *entry.aliases)}

    def drug(self, words: str) -> Drug | None:
        """The drug of that name or alias, or None."""
        key = plain(words)
        if not key:
            return None
        if key in self._own_keys:
            return self.own[self._own_keys[key]]
        name = _catalogue().get(key)
        return drugs()[name] if name else None

    def drug_or_salt(self, words: str) -> tuple[Drug | None, bool]:
        """The drug, and whether its name was written with HCl ("naltrexone HCl")."""
        entry = self.drug(words)
        if entry is not None:
            return entry, False
        name, _, last = words.rpartition(" ")
        if last.lower() in SALT_WORDS:
            return self.drug(name), True
        return None, False

    def near(self, words: str) -> list[str]:
        """The names of which these words are a misspelling; one only if no other drug can have been meant."""
        own = {word: name for name, entry in self.own.items() for word in (name, *entry.aliases)}
        spoken = {**drug_words(), **own}
        keys = {plain(word): word for word in reversed(spoken)}
        return [keys[key] for key in misspelt(plain(words), {key: spoken[word] for key, word in keys.items()})]

    def instead_of(self, words: str) -> str:
        """What to write instead of a drug nobody knows: its spelling, else the drugs of its class, else how to add one."""
        near = self.near(words)
        if near:
            return f"did you mean {' or '.join(near)}?"
        name, alike = same_class(words)
        others = (
            f"of its class ({name}) there is {', '.join(alike)}: another drug, with doses of its own; " if alike else ""
        )
        return f"{others}{self.names()}; any other: --compound FILE (ketasim show compound prints one)"

    def names(self) -> str:
        """Every drug by its canonical name, the main ones first."""
        entries = [*drugs().values(), *self.own.values()]
        return ", ".join(entry.name for entry in sorted(entries, key=lambda e: (e.role == "co-medication", e.name)))


@lru_cache(maxsize=1)
def _formulations() -> dict[str, str]:
    return {plain(word): name for name, words in FORMULATION_WORDS.items() for word in words}


def formulation_of(words: str) -> str:
    """The name of the formulation that is called so ("prolonged release" is "extended-release"); empty for other words."""
    return _formulations().get(plain(words), "")


def route_of(words: str) -> str | None:
    """The canonical route of these words, or None."""
    return _routes().get(plain(words))


@dataclass(frozen=True, slots=True)
class Head:
    """Drug and route, with their places in the line."""

    entry: Drug
    way: Route
    salt: bool
    drug_span: tuple[int, int]
    end: int


# drug and route -------------------------------------------------------------------------------------------------


def read_head(text: str, known: Vocabulary, start: int, end: int) -> Head:
    """Drug and route at `text[start:end]`; faults for a drug or route unknown, missing, without data or out of place."""
    words = [(m.group(), m.start(), m.end()) for m in _WORD.finditer(text, start, end)]
    named = next((i for i, word in enumerate(words) if _NUMBER.match(word[0]) and i > 0), len(words))

    def phrase(first: int, last: int) -> str:
        return text[words[first][1] : words[last - 1][2]].rstrip(",;")

    routes = [
        (i, length, route)
        for i in range(1, named)
        for length in range(min(_LONGEST_ROUTE, named - i), 0, -1)
        if (route := route_of(phrase(i, i + length)))
    ]
    for i, length, route in routes:
        entry, salt = known.drug_or_salt(phrase(0, i))
        if entry is not None:
            return _with_route(text, entry, salt, words, i, length, route)
    if not words:
        raise Fault("no dose is written", text, (start, start + 1), "DRUG ROUTE AMOUNT [over DURATION]", "")
    longest = next((i for i in range(named, 0, -1) if known.drug_or_salt(phrase(0, i))[0]), 0)
    if longest:
        entry, _ = known.drug_or_salt(phrase(0, longest))
        assert entry is not None
        raise _route_fault(text, entry, words, longest, named)
    if route_of(words[0][0].rstrip(",;")) is not None or _NUMBER.match(words[0][0]):
        raise _order_fault(text, known, words, end)
    unknown = phrase(0, routes[0][0]) if routes else words[0][0].rstrip(",;")
    span = (words[0][1], words[0][1] + len(unknown))
    near = known.near(unknown)
    candidate = text[: span[0]] + near[0] + text[span[1] :] if len(near) == 1 else ""
    raise Fault(f"unknown drug '{unknown}'", text, span, known.instead_of(unknown), candidate)


def _order_fault(text: str, known: Vocabulary, words: list[tuple[str, int, int]], end: int) -> Fault:
    """A line that begins with the route or a number ("iv ketamine 0.5 mg/kg", "0.5 mg/kg of ketamine iv"): the drug stands first."""
    begin, stop = words[0][1], words[0][2]
    if route_of(words[0][0].rstrip(",;")) is not None:
        named = next(
            (n for n in range(len(words), 1, -1) if known.drug_or_salt(text[words[1][1] : words[n - 1][2]])[0]), 0
        )
        behind = words[named - 1][2] if named else stop
        moved = f"{text[stop:behind].strip()} {text[begin:stop]}"
        candidate = f"{text[:begin]}{moved}{text[behind:]}" if named else ""
        what = "which drug? A route stands first"
    else:
        amount = _AMOUNT_FIRST.match(text, begin, end)
        candidate, what = "", f"which drug? A number stands first: '{words[0][0]}'"
        stop = amount.end("amount") if amount else stop
        try:
            head = read_head(text, known, amount.end(), end) if amount else None
        except Fault:
            head = None
        if head and amount:
            candidate = f"{text[:begin]}{text[amount.end() : head.end]} {amount['amount']}{text[head.end :]}"
    return Fault(what, text, (begin, stop), f"DRUG ROUTE AMOUNT; a drug is one of {known.names()}", candidate)


def _with_route(
    text: str, entry: Drug, salt: bool, words: list[tuple[str, int, int]], place: int, length: int, route: str
) -> Head:
    first, last = words[place][1], words[place + length - 1][2]
    if route not in entry.routes:
        choices = ", ".join(entry.routes)
        written = text[first:last].rstrip(",;")
        raise Fault(
            f"{entry.name} has no data by the {route} route" + (f" ('{written}')" if written.lower() != route else ""),
            text,
            (first, first + len(written)),
            f"{entry.name} by {choices}",
        )
    for word, _, stop in words[place + length :]:  # "nasal spray", "oral tablet": the same said twice
        if route_of(word) != route:
            break
        last = stop
    refused = {plain(word): reason for word, reason in entry.routes[route].refused_formulations.items()}
    for word, start, stop in words[place:]:
        if stop <= last and (reason := refused.get(plain(word.rstrip(",;")))):
            written = word.rstrip(",;")
            raise Fault(
                f"the formulation '{written}' of {entry.name} is not computed: {reason}",
                text,
                (start, start + len(written)),
                f"{entry.name} {route} without the word {written}, if that is what you mean",
            )
    return Head(entry, entry.routes[route], salt, (words[0][1], words[place - 1][2]), last)


def _route_fault(text: str, entry: Drug, words: list[tuple[str, int, int]], place: int, named: int) -> Fault:
    """Behind a known drug stands no route: it is misspelt, missing, or comes after the amount."""
    choices = f"{entry.name} by {', '.join(entry.routes)}"
    after = words[place - 1][2]
    for word, start, stop in words[named:]:
        route = route_of(word)
        if route:
            rest = (text[after:start] + text[stop:]).strip()
            return Fault(
                "the route comes right after the drug",
                text,
                (start, stop),
                "DRUG ROUTE AMOUNT",
                re.sub(r" +", " ", f"{text[:after]} {word} {rest}").strip(),
            )
    if place >= len(words) or place >= named or words[place][0].lower() in ("over", "at", "x", "daily"):
        only = next(iter(entry.routes)) if len(entry.routes) == 1 else ""
        candidate = f"{text[:after]} {only}{text[after:]}" if only else ""
        return Fault(f"by which route? {entry.name} stands alone", text, (words[0][1], after), choices, candidate)
    word, start, stop = words[place]
    word = word.rstrip(",;")
    span = (start, start + len(word))
    spoken = {said: name for name, all_said in route_names().items() for said in all_said}
    near = misspelt(word, spoken)
    fits = len(near) == 1 and spoken[near[0]] in entry.routes
    candidate = text[:start] + near[0] + text[span[1] :] if fits else ""
    return Fault(f"unknown route '{word}'", text, span, choices, candidate)
