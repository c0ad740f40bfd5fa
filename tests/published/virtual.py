"""Virtual experiments on the whole chain: doses by drug and route, mood by the observation model.

Independent of the regimen grammar and of the scenario runner: a dose is routed by the plasma stage and cut into segments
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ketasim.chain import compose
from ketasim.core import values
from ketasim.core.drugs import drug
from ketasim.engine import Jump, Schedule, compile_model
from ketasim.ratings import observation, setting
from ketasim.stages.plasma.stage import administrations

Array = NDArray[np.float64]
RACEMATE = ("s_ketamine", "r_ketamine")
WEIGHT = values("people")["typical_weight"].value
BASELINE = values("people")["typical_madrs"].value
WATCHED = (
    "nmda_occupancy",
    "nmda_block_interneuron",
    "mu_activity",
    "kappa_activity",
    "delta_activity",
    "mu_antagonist_occupancy",
    "delta_antagonist_occupancy",
    "kappa_antagonist_occupancy",
    "gaba_potentiation",
    "release_inhibition",
    "mtor_inhibition",
    "ampa_block",
    "glutamate",
    "glutamate_surge",
    "drive",
    "ampa_gain",
    "bdnf",
    "spines_new",
    "spines_consolidated",
    "spines",
    "mood_drive",
    "ideation_drive",
    "ssri_drive",
    "cadss",
    "naltrexone",
    "buprenorphine",
    "memantine",
    "rapamycin",
)
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Dose:
    """`mg` of a drug by a route at `at` h; `hours` is the duration of an infusion (0 = swallowed or injected at once)."""

    drug: str
    mg: float
    route: str = "iv"
    at: float = 0.0
    hours: float = 0.0


def ketamine(mg_per_kg: float, at: float = 0.0, hours: float = 2 / 3) -> Dose:
    """A racemic infusion, by default over 40 min."""
    return Dose("ketamine", mg_per_kg * WEIGHT, "iv", at, hours)


@dataclass(frozen=True)
class Course:
    """Curves of one virtual person at `times`; `effect` and `change` in MADRS points, as the setting has them."""

    times: Array
    curves: Mapping[str, Array]
    effect: Array
    change: Array

    def at(self, name: str, hour: float) -> float:
        """Value of a curve (or of `effect`, `change`) at one of the output times."""
        values_ = getattr(self, name) if name in ("effect", "change") else self.curves[name]
        return float(values_[np.flatnonzero(np.abs(self.times - hour) < _SAME)[0]])

    def peak(self, name: str) -> float:
        """Largest value of a curve."""
        return float(self.curves[name].max())


@cache
def _model(parts: tuple[str, ...], varying: tuple[str, ...], variants: tuple[tuple[str, tuple[str, ...]], ...]):  # type: ignore[no-untyped-def]
    chain = compose(parts, dict(variants))
    outputs = tuple(name for name in WATCHED if name in chain.outputs)
    return chain, compile_model(chain.antimony, parameters=varying, outputs=outputs, inputs=chain.inputs), outputs


HOURS = tuple(
    float(h)
    for h in (
        0,
        0.25,
        0.5,
        2 / 3,
        0.75,
        1,
        1.25,
        1.5,
        2,
        2.5,
        3,
        4,
        5,
        6,
        8,
        10,
        12,
        15,
        18,
        21,
        24,
        27,
        30,
        36,
        42,
        48,
        60,
        72,
        96,
        120,
        144,
        168,
        192,
        216,
        240,
        264,
        288,
        312,
        336,
    )
)


def simulate(
    doses: Sequence[Dose],
    hours: Sequence[float] = HOURS,
    where: str = "saline",
    sessions: Sequence[float] | None = None,
    changed: Mapping[str, float] | None = None,
    variants: Mapping[str, tuple[str, ...]] | None = None,
    imposed: Sequence[tuple[str, float, float, float]] = (),
    removed: Sequence[tuple[float, str]] = (),
    extra_parts: Sequence[str] = (),
) -> Course:
    """One typical person.

    where: setting of the observation model; sessions: hours at which something is given in front of the person (by
    default the ketamine doses, or 0). changed: parameter values replaced. imposed: (input, from h, to h, value).
    removed: (hour, state) set to zero there.
    """
    windows: list[tuple[str, float, float, float]] = list(imposed)
    deposits: list[tuple[float, str, float]] = []
    parts: list[str] = [*RACEMATE, *extra_parts]
    typical = {v.key: v.value for name in ("plasma", "comedication") for v in values(name).values()}
    for dose in doses:
        for part, umol in drug(dose.drug).part_amounts(dose.mg).items():
            given = administrations(part, dose.route, dose.hours, amount=umol)
            parts += given.parts
            for window in given.windows:
                start = dose.at + window.start
                amount = umol * float(np.asarray(window.share(typical)))
                windows.append((window.input, start, start + window.duration, amount / window.duration))
            for deposit in given.deposits:
                deposits.append((dose.at + deposit.at, deposit.state, umol * float(np.asarray(deposit.share(typical)))))
    moments = np.asarray(hours, dtype=np.float64)
    chain, model, outputs = _model(
        tuple(sorted(set(parts))),
        tuple(changed or {}),
        tuple(sorted((k, tuple(v)) for k, v in (variants or {}).items())),
    )
    cuts = [
        moments.min(),
        moments.max() + 1.0,
        *(t for w in windows for t in w[1:3]),
        *(d[0] for d in deposits),
        *(r[0] for r in removed),
    ]
    boundaries = np.unique(np.round(cuts, 9))
    inputs = np.zeros((len(boundaries) - 1, len(chain.inputs)))
    middle = (boundaries[1:] + boundaries[:-1]) / 2
    for name, start, stop, rate in windows:
        inputs[(middle > start) & (middle < stop), chain.inputs.index(name)] += rate
    place = lambda t: int(np.abs(boundaries - t).argmin())  # noqa: E731
    jumps = [Jump(place(t), state, add=amount) for t, state, amount in deposits]
    jumps += [Jump(place(t), state, scale=0.0) for t, state in removed]
    run = model.simulate(
        np.array([list((changed or {}).values())]),
        [Schedule(boundaries, inputs, tuple(sorted(jumps, key=lambda j: j.at)))],
        [0],
        moments,
        rtol=1e-8,
        atol=1e-10,
    )
    assert run.status[0] == 0, run.reasons
    curves = {name: run.values[0, :, i] for i, name in enumerate(outputs)}
    for name, null in chain.nulls.items():
        if name in WATCHED:
            curves[name] = np.full(moments.size, null)
    starts = sessions if sessions is not None else sorted({d.at for d in doses if d.drug == "ketamine"}) or [0.0]
    effect, change = mood(moments, curves, starts, where)
    return Course(moments, curves, effect, change)


def mood(moments: Array, curves: Mapping[str, Array], sessions: Sequence[float], where: str) -> tuple[Array, Array]:
    """Effect against the comparator of the setting, and change from the person's own baseline, in MADRS points."""
    p = {**observation.observation_parameters(), **setting.setting_parameters()}
    felt = curves["cadss"][None, :]
    arm = setting.setting_drive(where, moments, sessions, felt, p)
    comparator = setting.setting_drive(where, moments, sessions, np.zeros_like(felt), p, arm="comparator")
    factor, baseline = setting.routine_factor(where, p), np.array([BASELINE])
    drug, ssri = curves["mood_drive"][None, :], curves["ssri_drive"][None, :]
    treated = observation.madrs_scores(observation.mood_latent(drug, arm, ssri, p, factor), baseline, p)
    placebo = observation.madrs_scores(observation.mood_latent(0.0, comparator, 0.0, p, factor), baseline, p)
    return (treated - placebo)[0], treated[0] - BASELINE
