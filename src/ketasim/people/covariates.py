"""How weight, age, genotype and ethnicity change chain values. Each function gives a factor per person.

A covariate names the chain values it acts on; those that a composition does not have are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.core import Value, normal_cdf, values
from ketasim.core.arrays import Array

from .cohort import GENOTYPES, People, varying

Numbers = Mapping[str, Any]  # value -> number, or one number per person


def allometric_flow(people: People, numbers: Numbers) -> Array:
    """Flows and clearances: (W / 70 kg)^exponent.

    Exponent 0.75, the usual size model (Anderson and Holford 2008; Otto 2021, Simons 2022, Flint 2017). One source disagrees:
    body weight was not retained in 820 people of 39-170 kg with nasal doses (Perez-Ruixo 2021, PK-COV-01), so its
    uncertainty reaches down to no effect.
    """
    return np.asarray((people.weight / numbers["typical_weight"]) ** numbers["clearance_weight_exponent"])


def allometric_volume(people: People, numbers: Numbers) -> Array:
    """Volumes: (W / 70 kg)^exponent, 1 by the same size model; 0 by PK-COV-01."""
    return np.asarray((people.weight / numbers["typical_weight"]) ** numbers["volume_weight_exponent"])


def hepatic_flow_with_age(people: People, numbers: Numbers) -> Array:
    """Liver blood flow Q(age) = Q + slope * max(age - 60, 0), as a factor of Q (Perez-Ruixo 2021, PK-COV-05)."""
    years = np.maximum(people.age - numbers["hepatic_flow_age_start"], 0.0)
    return np.asarray(np.maximum(1.0 + numbers["hepatic_flow_age_slope"] * years / numbers["hepatic_flow"], LEAST_FLOW))


def asian(key: str) -> Callable[[People, Numbers], Array]:
    """A factor in Asian people (Perez-Ruixo 2021, PK-COV-02, -03); 1 unless --ethnicity asks for it."""
    return lambda people, numbers: _for_all(
        people, numbers[key] if people.traits.ethnicity in ("asian", "japanese") else 1.0
    )


def japanese(key: str) -> Callable[[People, Numbers], Array]:
    """A factor in Japanese people (Perez-Ruixo 2021, PK-COV-04); 1 unless --ethnicity asks for it."""
    return lambda people, numbers: _for_all(people, numbers[key] if people.traits.ethnicity == "japanese" else 1.0)


def slow_metaboliser(status: str, effect: str) -> Callable[[People, Numbers], Array]:
    """A factor exp(effect) in people whose Table 1 calls them slow metabolisers by an enzyme; 1 where no such line is.

    Whether CYP2B6*6 changes exposure is disputed (PK-MET-05: no; PK-MET-06: slower), so the effect is a distribution around zero: 0 in a
    run, a draw of its own in every world of a trial.
    """

    def factor(people: People, numbers: Numbers) -> Array:
        slow = people.status(status)
        return np.ones(len(people)) if slow is None else np.asarray(np.exp(numbers[effect] * slow[0]))

    return factor


def _for_all(people: People, number: float | Array) -> Array:
    return np.array(np.broadcast_to(number, len(people)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Covariate:
    """A factor per person on the chain values `targets`; `ceiling` keeps a share a share."""

    factor: Callable[[People, Numbers], Array]
    targets: tuple[str, ...]
    ceiling: float = np.inf


LEAST_FLOW = 0.2  # a guard against a negative flow at the end of the age range, never reached below 115 years
# Total liver clearance follows its flow and its capacity; `metabolic_capacity` scales every enzyme at once.
FLOWS = (
    "hepatic_flow",
    "metabolic_capacity",
    "shallow_flow",
    "deep_flow",
    "rapid_flow",
    "norketamine_clearance",
    "norketamine_flow",
    "dhnk_clearance",
    "hnk_clearance",
    "hnk_flow",
    "front_end_flow",
)
VOLUMES = (
    "central_volume",
    "rapid_volume",
    "shallow_volume",
    "deep_volume",
    "liver_volume",
    "norketamine_volume",
    "norketamine_peripheral_volume",
    "norketamine_liver_volume",
    "dhnk_volume",
    "hnk_volume",
    "hnk_peripheral_volume",
)

OF_THE_GENOTYPE = "val66met_secretion"

COVARIATES: tuple[Covariate, ...] = (
    Covariate(allometric_flow, FLOWS),
    Covariate(allometric_volume, VOLUMES),
    Covariate(hepatic_flow_with_age, ("hepatic_flow",)),
    Covariate(asian("asian_other_clearance_factor"), ("other_clearance",)),
    Covariate(asian("asian_norketamine_clearance_factor"), ("norketamine_clearance",)),
    Covariate(japanese("japanese_nasal_fraction_factor"), ("nasal_fraction",), ceiling=1.0),
    Covariate(slow_metaboliser("cyp2b6_slow", "cyp2b6_slow_effect"), ("cyp2b6_clearance",)),
    Covariate(slow_metaboliser("cyp3a4_slow", "cyp3a4_slow_effect"), ("cyp3a4_clearance", "gut_clearance_ratio")),
)


def chain_parameters(
    people: People, parameters: Mapping[str, Value], overrides: Mapping[str, float | Array]
) -> dict[str, Array]:
    """The chain values that differ from their shipped number, one array (P,) per value.

    parameters : the values of a composition. overrides : value -> number for everybody, or one per person, instead of the
    shipped one (its spread between people stays, around the new number).
    """
    numbers: dict[str, Any] = {v.key: v.value for stage in ("people", "plasma") for v in values(stage).values()}
    numbers |= {key: v.value for key, v in parameters.items()} | dict(overrides)
    out = {key: people.draw(v, overrides.get(key)) for key, v in varying(parameters.values()).items()}
    for key, number in overrides.items():
        if key in parameters and key not in out:
            out[key] = _for_all(people, number)
    for covariate in COVARIATES:
        present = [key for key in covariate.targets if key in parameters]
        if not present:
            continue
        factor = covariate.factor(people, numbers)
        if np.all(factor == 1.0):
            continue
        for key in present:
            start = out.get(key, np.full(len(people), numbers[key]))
            out[key] = np.minimum(start * factor, covariate.ceiling)
    return out | _secretion(people, parameters, overrides)


def replaced_by_traits() -> frozenset[str]:
    """Chain values that weight, age, ethnicity or genotype change in somebody."""
    return frozenset({OF_THE_GENOTYPE, *(key for covariate in COVARIATES for key in covariate.targets)})


def _secretion(
    people: People, parameters: Mapping[str, Value], overrides: Mapping[str, float | Array]
) -> dict[str, Array]:
    """BDNF secretion by genotype: the value `val66met_secretion` is that of val/val; the others have values of their own.

    Where a Table 1 prints the share of carriers of Met, each carrier has one Met allele or two as in Hardy and Weinberg: with the share
    c = 1 - (1 - q)^2 of carriers, q^2 / c of them have two.
    """
    if OF_THE_GENOTYPE not in parameters:
        return {}
    known = people.status("met_carrier")
    if known is None:
        if people.traits.genotype == "val/val":
            return {}
        return {OF_THE_GENOTYPE: _for_all(people, _of_genotype(people.traits.genotype, overrides))}
    found = _for_all(people, overrides.get(OF_THE_GENOTYPE, parameters[OF_THE_GENOTYPE].value))
    one, two = (_for_all(people, _of_genotype(name, overrides)) for name in GENOTYPES[1:])
    carrier, share = known
    allele = 1 - np.sqrt(1 - share)
    both = normal_cdf(people.effect("met_met")) < allele**2 / max(share, 1e-12)
    return {OF_THE_GENOTYPE: np.where(carrier > 0.5, np.where(both, two, one), found)}


def _of_genotype(genotype: str, overrides: Mapping[str, float | Array]) -> float | Array:
    key = f"{OF_THE_GENOTYPE}_{genotype.replace('/', '_')}"
    return overrides.get(key, values("plasticity")[key].value)
