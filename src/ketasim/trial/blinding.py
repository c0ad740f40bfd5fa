"""What people guess, and what a guess costs: shares of correct guesses, and the effect at any share (correct-guess-rate curve).

Szigeti 2023, doi:10.1038/s41598-023-34938-7: the four groups arm x guess are weighted so that a share c of each arm guesses right; at c = 0.5 the
guess carries no information. Whether that removes the bias is checked here, because the truth is simulated.
"""

from __future__ import annotations

import numpy as np

from ketasim.core.arrays import Array, BoolArray, IntArray

SHARES = np.round(np.linspace(0.0, 1.0, 11), 2)
LEAST_GROUP = 2


def correct_share(arm: IntArray, guess: BoolArray, arms: int) -> Array:
    """Share of each arm (A,) that guesses right: the comparator (arm 0) that it had no drug, the others that they had it."""
    found = np.full(arms, np.nan)
    for a in range(arms):
        own = guess[arm == a]
        if own.size:
            found[a] = float((own if a else ~own).mean())
    return found


def guess_curve(change: Array, arm: IntArray, guess: BoolArray, of: int) -> Array:
    """Difference of arm `of` to the comparator at every share in `SHARES`, (11,); change, arm, guess (R, N), nan = not seen.

    d(c) = [c m(of, right) + (1 - c) m(of, wrong)] - [c m(0, right) + (1 - c) m(0, wrong)], m the mean change of a group over all replicates;
    nan where a group has fewer than two people.
    """
    seen = np.isfinite(change)
    means = {}
    for a in (0, of):
        right = guess if a else ~guess
        for which, group in ((True, right), (False, ~right)):
            rows = change[seen & (arm == a) & group]
            means[a, which] = float(rows.mean()) if rows.size >= LEAST_GROUP else np.nan
    mine = SHARES * means[of, True] + (1 - SHARES) * means[of, False]
    theirs = SHARES * means[0, True] + (1 - SHARES) * means[0, False]
    return np.asarray(mine - theirs)
