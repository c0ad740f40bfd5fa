"""What was given, read back from the integrated amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ketasim.chain import Composition
from ketasim.core import KetasimError
from ketasim.core.arrays import Array
from ketasim.dose import Regimen
from ketasim.forward import Dosed

from .result import LedgerRow

MG_PER_G_PER_UMOL = 1e-3  # g/mol times umol is 1e-3 mg
LOST_SHARE = 1e-6  # a dose that is not found back to this share is an error of the model, not of rounding


def totals(composition: Composition) -> dict[str, str]:
    """Copy of the plasma model -> the output that adds up all its amounts (umol): depots, spaces, metabolites, sinks."""
    held: dict[str, list[str]] = {}
    for name in composition.states:
        if composition.units.get(name) == "umol":
            held.setdefault(composition.defined[name][2], []).append(name)
    return {copy: f"sum({', '.join(names)})" for copy, names in held.items()}


def ledger(
    regimen: Regimen,
    all_doses: Sequence[Dosed],
    shares: Mapping[str, float],
    composition: Composition,
    boundaries: Array,
    amounts: Mapping[str, Array],
    weight: float,
    end_h: float,
) -> tuple[LedgerRow, ...]:
    """Doses asked beside doses given, for one person.

    all_doses, shares : of that person (first entry of every array). amounts : copy of the plasma model -> umol in all its states (drug,
    metabolites, sinks; `totals`) at `boundaries`, from the integration; what that sum gains in a segment was given in it. Where doses of one copy overlap, the gain is shared in proportion to what was planned.
    Raises KetasimError if something was gained without a dose.
    """
    plans = {c: np.zeros((len(all_doses), len(boundaries) - 1)) for c in amounts}
    for row, dose in enumerate(all_doses):
        for copy, plan in _planned(dose, shares, composition, boundaries).items():
            plans[copy][row] = plan
    given = np.zeros(len(all_doses))
    for copy, plan in plans.items():
        gained, asked = np.diff(amounts[copy]), plan.sum(axis=0)
        scale = max(float(asked.sum()), float(np.abs(amounts[copy]).max()), 1e-30)
        if np.any(np.abs(gained[asked == 0]) > LOST_SHARE * scale):
            raise KetasimError(
                f"{np.abs(gained[asked == 0]).max():.3g} umol appeared in or left the copy '{copy or 'plasma'}' without a dose",
                where="ledger",
            )
        share = np.divide(gained, asked, out=np.zeros_like(gained), where=asked > 0)
        given += plan @ share
    return _rows(regimen, all_doses, given, weight, end_h)


def _planned(dose: Dosed, shares: Mapping[str, float], composition: Composition, boundaries: Array) -> dict[str, Array]:
    """umol planned per segment, by copy of the plasma model."""
    plans: dict[str, Array] = {}
    amount, begin = float(np.atleast_1d(dose.amount)[0]), dose.time_h
    starts, ends = boundaries[:-1], boundaries[1:]
    for window in dose.administration.windows:
        plan = plans.setdefault(composition.defined[window.input][2], np.zeros(len(starts)))
        first, last = begin + window.start, begin + window.start + window.duration
        covered = np.clip(np.minimum(ends, last) - np.maximum(starts, first), 0.0, None)
        covered[covered < 1e-9 * window.duration] = 0.0
        plan += amount * float(np.asarray(window.share(shares))) * covered / window.duration
    for deposit in dose.administration.deposits:
        plan = plans.setdefault(composition.defined[deposit.state][2], np.zeros(len(starts)))
        place = int(np.argmin(np.abs(starts - (begin + deposit.at))))
        plan[place] += amount * float(np.asarray(deposit.share(shares)))
    return plans


def _rows(
    regimen: Regimen, all_doses: Sequence[Dosed], given: Array, weight: float, end_h: float
) -> tuple[LedgerRow, ...]:
    rows = []
    for row, asked in zip(regimen.doses(end_h), regimen.ledger(weight, end_h), strict=True):
        mine = [i for i, dose in enumerate(all_doses) if dose.event.dose_index == row.index]
        drug = row.dose.entry
        moles = sum(given[i] for i in mine) / sum(drug.parts.values()) if mine else 0.0
        if drug.unit_size is not None:
            amount = moles * drug.unit_size
        else:
            amount = moles * (drug.molar_mass or 0.0) * MG_PER_G_PER_UMOL
        rows.append(LedgerRow(asked.time_h, asked.drug, asked.route, asked.asked_mg, float(amount), asked.duration_h))
    return tuple(rows)
