"""Alternatives of the ratings' structure that the evidence was asked to choose between, and which of them is in force.

belief       "felt": a prior by setting, raised by what is felt, b = 1 - (1 - b0) exp(-D / Ds), never lowered.
             "evidence": log odds of having received the drug, moved by what is felt and by what is not (Bayes).
expectancy   "hill": steep in belief; "linear": in proportion to belief.
combination  "power": [Ld^k + Lx^k]^(1/k); "ceiling": Lx + Ld exp(-eta Lx).
care         "alike": the same in every trial; "programme": more where assessments are long and frequent, as in the nasal programmes; "slow": a part that comes over weeks everywhere.
age          "none"; "decline": what treatment and hope do lessens beyond an age.
route        "alike": the drug part follows from the drug in the brain, whatever way it came; "nasal": times a factor of the spray, which no mechanism here explains.
noise        "apart": the noise of every rating is its own; "days": most of it is mood from day to day, which fades from one rating to the next.
withdrawal   "kept": what was felt of a drug tells of all that follows; "anew": from the session in which a comparator takes its place, belief begins again.

`knowledge/ratings.toml` says what is in force and by which comparison; `compared(...)` puts another choice in force for as long as a
comparison needs it. docs/decisions/0006 logs what was tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from ketasim.core import FrozenMapping, KetasimError, knowledge_path, read_toml

CHOICES: Mapping[str, tuple[str, ...]] = {
    "belief": ("felt", "evidence"),
    "expectancy": ("hill", "linear"),
    "combination": ("power", "ceiling"),
    "care": ("alike", "programme", "slow"),
    "age": ("none", "decline"),
    "route": ("alike", "nasal"),
    "withdrawal": ("kept", "anew"),
    "noise": ("apart", "days"),
}


@cache
def shipped() -> Mapping[str, str]:
    """What is in force, from knowledge/ratings.toml: one word for every question."""
    found = {str(k): str(v) for k, v in read_toml(knowledge_path() / "ratings.toml")["structure"].items()}
    _check(found)
    if set(found) != set(CHOICES):
        raise KetasimError(
            "every question needs one answer", where="knowledge/ratings.toml", allowed=", ".join(CHOICES)
        )
    return FrozenMapping(found)


_IN_FORCE: ContextVar[Mapping[str, str] | None] = ContextVar("ratings structure", default=None)


def in_force(question: str) -> str:
    """The alternative in force for a question such as "belief"."""
    return (_IN_FORCE.get() or shipped())[question]


@contextmanager
def compared(**answers: str) -> Iterator[None]:
    """Another structure for the length of a comparison: `with compared(belief="felt"): ...`."""
    _check(answers)
    token = _IN_FORCE.set(FrozenMapping({**(_IN_FORCE.get() or shipped()), **answers}))
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def _check(answers: Mapping[str, str]) -> None:
    for question, answer in answers.items():
        if answer not in CHOICES.get(question, ()):
            raise KetasimError(
                f"'{answer}' is no alternative for '{question}'",
                where="structure of the ratings",
                allowed="; ".join(f"{q}: {', '.join(a)}" for q, a in CHOICES.items()),
            )
