"""Sessions of one person that differ: shares of a dose before the integration, gains after it.

A share of the dose that is taken up is a number of the dose, so every dose takes that of its session (`dosing.Sessions`). A gain that no state feels
is a number of the readout: the same equations, evaluated with the gain of the session that each time belongs to (`chain.readout`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.chain.readout import Readout, readout
from ketasim.core import Value
from ketasim.core.arrays import Array
from ketasim.people import People
from ketasim.people.occasions import numbers_by_session, session_of
from ketasim.stages.plasma.routing import routing_values

from .course import Forward
from .dosing import Sessions


@dataclass(frozen=True)
class Differing:
    """What differs between the sessions of a run. routed : of the doses, None if nothing; gains : value -> (K, P), of the outputs `outputs`;
    needed : identifiers to integrate for them. starts (K,) h."""

    starts: Array
    routed: Sessions | None = None
    gains: Mapping[str, Array] | None = None
    outputs: tuple[str, ...] = ()
    reading: Readout | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """Identifiers that `applied` reads."""
        if self.reading is None:
            return ()
        return tuple(dict.fromkeys(name for output in self.outputs for name in self.reading.formulas[output].reads))

    def applied(
        self, table: Mapping[str, Array], varying: Mapping[str, float | Array], times: Array
    ) -> Mapping[str, Array]:
        """The table of one arm with the outputs of every time under the gains of its session. varying : value -> number or (P,) of the run."""
        if self.reading is None or not self.gains:
            return table
        at = session_of(times, self.starts)
        numbers = dict(varying) | {key: rows[at].T for key, rows in self.gains.items()}  # (P, T)
        rows = {name: table[name] for name in self.needed}
        found = dict(table)
        for output in self.outputs:
            found[output] = np.broadcast_to(self.reading(output, rows, numbers, times), table[output].shape)
        return found


def differing(
    forward: Forward,
    people: People,
    parameters: Mapping[str, Value],
    overrides: Mapping[str, float | Array],
    starts: Array | Sequence[float],
    shares: Mapping[str, float],
    outputs: Sequence[str],
) -> Differing:
    """What differs between sessions that begin at `starts` (h, ascending) in these people; nothing where there is one session.

    parameters, overrides : as in `people.chain_parameters`. shares : value -> share of its variance that belongs to the session
    (`people.occasions`). outputs : those of the run; the ones that a gain acts on are worked out anew.
    """
    begun = np.asarray(starts, dtype=np.float64)
    if len(begun) < 2 or not shares:
        return Differing(begun)
    ways = [one.administration for one in forward.given]
    taken = [part.share for way in ways for part in way.windows] + [part.share for way in ways for part in way.deposits]
    read = {name for share in taken for name in share.needs}
    routed = numbers_by_session(people, parameters, overrides, len(begun), shares, read & set(routing_values()))
    found = Sessions(begun, routed) if routed else None
    if not set(shares) & set(forward.composition.parameters) - set(routed):
        return Differing(begun, found)
    reading = readout(forward.composition)
    gains = numbers_by_session(people, parameters, overrides, len(begun), shares, reading.after)
    own = tuple(name for name in outputs if set(reading.reads(name)) & set(gains))
    return Differing(begun, found, gains, own, reading) if own else Differing(begun, found)
