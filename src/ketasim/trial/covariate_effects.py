"""What a printed covariate does to the drug part, beyond what the chain already works out (weight, age, genotype, metaboliser status, ethnicity).

An effect with conflicting evidence is a distribution around zero: every world draws its own, so that it widens what is predicted and takes no side.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ketasim.core import Value, normals, stages_with_values, values
from ketasim.core.arrays import Array
from ketasim.people import People, spread_values
from ketasim.people.table_one import TableOnePeople

from .worlds import World

PREFIX = "effect_"
CHAIN_EFFECTS = (
    ("people", "cyp2b6_slow_effect"),
    ("people", "cyp3a4_slow_effect"),
    ("plasticity", "val66met_secretion_val_met"),
    ("plasticity", "val66met_secretion_met_met"),
)


def effects() -> dict[str, Value]:
    """Covariate -> its effect, log of a factor on the drug's drive per SD of the covariate in the cohort (per group for yes or no)."""
    if "covariates" not in stages_with_values():
        return {}
    return {key.removeprefix(PREFIX): v for key, v in values("covariates").items()}


def chain_numbers(world: World, seed: int) -> dict[str, float]:
    """What genotype and metaboliser status do inside the chain in this world: a draw of each effect from its uncertainty, value -> number."""
    found = {}
    for stage, key in CHAIN_EFFECTS:
        effect = values(stage)[key]
        if effect.uncertain:
            z = normals(seed, f"trial covariate {key}", np.array([world.index]))
            found[key] = float(spread_values(replace(effect, between=effect.uncertain), z)[0])
    return found


def drug_factor(people: People, world: World, seed: int) -> Array:
    """Factor on the drug's drive for each person, (P,): exp(sum_k b_k u_k), u_k the covariate in SDs from its mean, b_k of this world."""
    total = np.zeros(len(people))
    if not isinstance(people, TableOnePeople):
        return np.ones(len(people))
    for name, effect in effects().items():
        found = people.quantities.get(name)
        if found is None or found.std() == 0:
            continue
        sd = effect.uncertain.sd if effect.uncertain else 0.0
        size = effect.value + sd * float(normals(seed, f"trial covariate {name}", np.array([world.index]))[0])
        unit = 1.0 if set(np.unique(found)) <= {0.0, 1.0} else float(found.std())
        total += size * (found - found.mean()) / unit
    return np.asarray(np.exp(total))
