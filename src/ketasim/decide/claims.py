"""The claims ledger: popular claims about ketamine, what evidence and model say, and a verdict that a test can refute.

    from ketasim.decide import claims
    for claim in claims.ledger():
        print(claim.verdict, claim.claim)
    claims.evaluate(claims.claim("relief-in-hours")).found[0].value

No prediction is typed in: each is a specification in `knowledge/claims.toml` (scenario, output, time or statistic) that is
carried out through the same calls a user makes. Scenarios are simulated once and shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from ketasim.core import KetasimError, Problem, unknown_name
from ketasim.core.arrays import Array
from ketasim.scenario.experiments import experiments
from ketasim.scenario.result import HIGH, LOW, Result
from ketasim.scenario.run import run

from .claims_file import EXPERIMENT_ARM, WHERE, book, build
from .measures import OF_A_GROUP, Term, combine, read, read_posterior, statistic
from .records import OUTSIDE, VERDICTS, Claim, Evaluated, Evidence, Found, Prediction

__all__ = [
    "OUTSIDE",
    "PEOPLE",
    "VERDICTS",
    "Claim",
    "Evaluated",
    "Evidence",
    "Found",
    "Prediction",
    "claim",
    "evaluate",
    "evaluate_all",
    "ledger",
    "lint_claims",
]


PEOPLE = 200
SEED = 1
RESAMPLES = 400
TYPICAL, SPREAD = "typical", "spread"
BETWEEN, SAMPLE = "people", "sample"
KNOWN_SHARE = 0.5  # a band between people is given when at least this share of them has the number


def ledger() -> tuple[Claim, ...]:
    """Every claim, in the order of the file. Raises KetasimError, with all problems, if the file is not sound."""
    found = book()
    if found.problems:
        raise KetasimError(
            f"{len(found.problems)} problem(s) in the claims ledger",
            where=WHERE,
            allowed="\n".join(str(problem) for problem in found.problems),
            fix="ketasim lint",
        )
    return found.claims


def claim(name: str) -> Claim:
    """The claim of that name; raises UsageError with the nearest names."""
    found = {c.name: c for c in ledger()}
    if name not in found:
        raise unknown_name("claim", name, found, where="claims", fix="ketasim claims")
    return found[name]


def lint_claims() -> list[Problem]:
    """Every problem of the ledger's file at once: unknown records, missing entries, verdicts, specifications that cannot be carried out."""
    return list(book().problems)


def evaluate(asked: Claim | str, people: int = PEOPLE, seed: int = SEED) -> Evaluated:
    """Carry out the predictions of one claim: typical person, interval between `people`, posterior interval if there is one."""
    one = claim(asked) if isinstance(asked, str) else asked
    return Evaluated(one, tuple(_carry_out(p, people, seed) for p in one.predictions))


def evaluate_all(
    claims: Iterable[Claim] | None = None,
    *,
    people: int = PEOPLE,
    seed: int = SEED,
    progress: Callable[[float], None] | None = None,
) -> tuple[Evaluated, ...]:
    """Every claim evaluated.

    claims : those of the ledger unless given. people : drawn for the shares between people. seed : of the people. progress : told the share done.

    Returns one `Evaluated` per claim, predictions with value, interval and unit. Raises KetasimError for a claim whose prediction cannot be carried out.
    """
    asked = tuple(ledger() if claims is None else claims)
    found = []
    for number, one in enumerate(asked):
        found.append(evaluate(one, people, seed))
        if progress:
            progress((number + 1) / len(asked))
    return tuple(found)


# one prediction --------------------------------------------------------------------------------------------------------


def _carry_out(p: Prediction, people: int, seed: int) -> Found:
    terms = [p.first] if p.versus is None else [p.first, p.versus]
    try:
        rows = [read(term, _result(term.scenario, people, seed)) for term in terms]
    except KetasimError as error:
        raise KetasimError(error.what, where=f"claim, {p.says}", allowed=error.allowed, fix=error.fix) from error
    value = _group(p, rows)
    if p.who == SPREAD or any(term.measure in OF_A_GROUP for term in terms):
        return Found(p, value, *_sampling(p, rows, seed), SAMPLE, people)
    each = rows[0] if len(rows) == 1 else np.asarray(combine(p.how, rows[0], rows[1]))
    return Found(p, value, *_between(each[1:]), BETWEEN, people, *_posterior(p, terms, people, seed))


def _group(p: Prediction, rows: list[Array]) -> float:
    numbers = [statistic(p.who)(row) for row in rows]
    return numbers[0] if len(numbers) == 1 else combine(p.how, *numbers)


def _between(each: Array) -> tuple[float | None, float | None]:
    """5th and 95th percentile between people; None where too few have the number."""
    known = each[~np.isnan(each)]
    if not each.size or known.size < KNOWN_SHARE * each.size:
        return None, None
    low, high = np.percentile(known, [LOW, HIGH], method="inverted_cdf")
    return float(low), float(high)


def _sampling(p: Prediction, rows: list[Array], seed: int) -> tuple[float | None, float | None]:
    """90 % interval of a group's number over people drawn again, with the same people in both terms."""
    count = len(rows[0]) - 1
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES):
        at = np.concatenate([[0], 1 + draw.integers(0, count, count)])
        found.append(_group(p, [row[at] for row in rows]))
    return _between(np.asarray(found))


def _posterior(p: Prediction, terms: list[Term], people: int, seed: int) -> tuple[float | None, float | None]:
    """5th and 95th percentile of the typical person's number over the posterior, the same draw in both terms; None without one."""
    if p.who != TYPICAL:
        return None, None
    rows = [read_posterior(term, _result(term.scenario, people, seed)) for term in terms]
    return _between(rows[0] if len(rows) == 1 else np.asarray(combine(p.how, *rows)))


# the runs behind it ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=128)
def _result(name: str, people: int, seed: int) -> Result:
    """The run of a scenario of the ledger, or of an arm of a virtual experiment; each is simulated once."""
    plan, _, arm = name.partition(EXPERIMENT_ARM)
    table = experiments()[plan].arms[arm] if arm else book().scenarios[name]
    return run(build(name, table, _looks(name), people, seed))


def _looks(name: str) -> set[float]:
    """Every time at which some prediction looks at this scenario, h."""
    terms: list[Term] = [t for c in book().claims for p in c.predictions for t in (p.first, p.versus) if t is not None]
    return {term.hour for term in terms if term.scenario == name and term.look}
