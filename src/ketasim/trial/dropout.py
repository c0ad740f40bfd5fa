"""Who leaves, and which visits are missed: a hazard on score, side effects and time, printed as an equation."""

from __future__ import annotations

import numpy as np

from ketasim.core.arrays import Array, IntArray

from .design import Dropout

HOURS_PER_WEEK = 168.0
MOST_LOG = 20.0
TERMS = {
    "score": "the last score seen",
    "score_now": "the score to come (not seen)",
    "dissociation": "dissociation in the sessions",
    "time": "time in the trial",
}
BASE = "the base rate"


def equation(d: Dropout) -> str:
    """The hazard in words a protocol can print."""
    if d.per_week == 0:
        return "nobody leaves"
    terms = []
    for size, text in (
        (d.score, "(last score seen - baseline)"),
        (d.score_now, "(score at the next visit - baseline)"),
        (d.dissociation, "CADSS peak so far"),
        (d.time, "weeks since the start"),
    ):
        if size:
            terms.append(f"{'-' if size < 0 else '+'} {abs(size):g} x {text}")
    kind = [
        name
        for name, there in (
            ("at random given what is seen", d.score or d.dissociation),
            ("not at random", d.score_now),
        )
        if there
    ] or ["completely at random"]
    inside = f" x exp({' '.join(terms).removeprefix('+ ')})" if terms else ""
    return f"hazard of leaving per week = {d.per_week:g}{inside}   [{', '.join(kind)}; {d.basis}]"


def leave(d: Dropout, visits_h: Array, change: Array, felt: Array, uniform: Array) -> IntArray:
    """First visit that a person does not come to, (...,); V for who stays to the end.

    change (..., V) score minus baseline that would be seen at every visit, in points; felt (..., V) strongest CADSS so far; uniform (..., V)
    in (0, 1). Between visits j - 1 and j with L weeks between them the chance is 1 - exp(-h L), with

        h = per_week exp(score c_(j-1) + score_now c_j + dissociation D_j + time t),  c_0 = 0, t weeks to the middle,

    D_j what was felt in the sessions up to visit j: the sessions before it have been when one leaves.
    """
    visits = change.shape[-1]
    gone = np.full(change.shape[:-1], visits, dtype=np.int64)
    if d.per_week == 0:
        return gone
    before, last = 0.0, np.zeros(change.shape[:-1])
    for j in range(visits):
        length = (visits_h[j] - before) / HOURS_PER_WEEK
        log_rate = sum(_terms(d, last, change[..., j], felt[..., j], before, float(visits_h[j])).values())
        hazard = d.per_week * np.exp(np.minimum(log_rate, MOST_LOG))
        leaves = (uniform[..., j] < -np.expm1(-hazard * length)) & (gone == visits)
        gone[leaves] = j
        before, last = float(visits_h[j]), change[..., j]
    return gone


def _terms(d: Dropout, last: Array, now: Array, felt: Array, before: float, visit: float) -> dict[str, Array]:
    """What each quantity adds to the log hazard between two visits."""
    middle = (visit + before) / 2.0 / HOURS_PER_WEEK
    time = np.full(np.shape(last), d.time * middle)
    return {
        "score": d.score * last,
        "score_now": d.score_now * now,
        "dissociation": d.dissociation * felt,
        "time": time,
    }


def reasons(d: Dropout, visits_h: Array, change: Array, felt: Array, gone: IntArray) -> list[str]:
    """Why each of N people left, "" for who stayed; shapes as in `leave` with (N,) people.

    A product of hazards has no single cause, so a quantity is named only where the hazard it made is more than twice the base rate: then more than
    half of those who leave so would have stayed without it (attributable fraction 1 - 1/HR above one half). Else `BASE`.
    """
    visits = np.asarray(visits_h, dtype=np.float64)
    found = []
    for i, j in enumerate(np.asarray(gone).tolist()):
        if j >= len(visits):
            found.append("")
            continue
        last = change[i, j - 1] if j else np.zeros(())
        before = float(visits[j - 1]) if j else 0.0
        parts = {k: float(x) for k, x in _terms(d, last, change[i, j], felt[i, j], before, float(visits[j])).items()}
        most = max(parts, key=lambda k: parts[k])
        found.append(TERMS[most] if sum(parts.values()) > np.log(2.0) else BASE)
    return found
