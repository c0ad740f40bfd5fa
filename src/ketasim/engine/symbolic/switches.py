"""Switches in time: comparisons of time with something fixed, found before the run.

The integration is cut there, so that no pulse is stepped over, however short. Comparisons inside others come first: between
their moments they are constant, and the sides of the outer one are smooth. How the moments are found: `search`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ketasim.core.arrays import Array, IntArray

from .evaluate import evaluate
from .parts import Rows
from .search import Search
from .time_switch import TimeSwitch


def moments(
    switches: Sequence[TimeSwitch],
    begin: Array,
    end: Array,
    start: float,
    parameters: Array,
    inputs: Array,
    personal: bool | None = None,
    tally: list[int] | None = None,
) -> Array:
    """Moments at which one of the switches changes inside any of K spans (begin, end) (K,); none is left out.

    `parameters` (K, n_par) and `inputs` (K, n_in) hold in the span; `start` is the time at which the run starts. With `personal`
    False, those that are the same for everybody; True, the others, where the spans have been cut at the first. The work of each
    search is added to `tally`.
    """
    found: dict[int, tuple[Array, IntArray]] = {}
    for place, switch in enumerate(switches):
        if (personal is not None and switch.personal != personal) or not (switch.gaps or switch.broken):
            continue
        known = [found[i] for i in switch.inner if i in found]
        low, high, span = pieces(begin, end, known)
        held = np.zeros((len(switches), len(low)))
        rows = Rows(start, parameters[span].T, inputs[span].T, held)
        for i in switch.inner:
            values = evaluate(
                switches[i].truth,
                time=0.5 * (low + high),
                start_time=start,
                parameters=list(rows.parameters),
                inputs=list(rows.inputs),
                held=list(held),
            )
            held[i] = values[0]
        search = Search(switch, low, high, rows)
        moment, piece = search.run()
        if tally is not None:
            tally.append(search.work)
        found[place] = (moment, span[piece])
    return np.concatenate([np.zeros(0), *(moment for moment, _ in found.values())])


def pieces(begin: Array, end: Array, known: Sequence[tuple[Array, IntArray]]) -> tuple[Array, Array, IntArray]:
    """The spans cut at moments (time, span): begin, end and span of each piece."""
    count = len(begin)
    time = np.concatenate([begin, *(moment for moment, _ in known)])
    span = np.concatenate([np.arange(count), *(piece for _, piece in known)]).astype(np.int64)
    order = np.lexsort((time, span))
    time, span = time[order], span[order]
    last = np.append(span[1:] != span[:-1], True)
    following = np.where(last, end[span], np.append(time[1:], 0.0))
    real = following > time
    return time[real], following[real], span[real]
