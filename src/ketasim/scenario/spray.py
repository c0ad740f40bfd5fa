"""What is said of mood after a nasal spray: how much the model takes from the drug's own effect, under what is run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ketasim.chain.hypothesis import hypothesis, posterior_path
from ketasim.core import value
from ketasim.core.posterior import FEW_DRAWS, calibration_draws, posterior, weighted_interval
from ketasim.dose import Regimen
from ketasim.ratings.mood import SPRAY
from ketasim.ratings.structure import in_force

FACTOR = "nasal_drug_factor"


def spray_note(regimen: Regimen, replaced: Mapping[str, float], believed: str = "") -> tuple[str, ...]:
    """One sentence on a regimen that is a spray of a drug: the factor on its own effect that the run uses (`ratings.mood.route_factor`).

    replaced : values put in place of the shipped ones, those of a hypothesis among them; believed : the hypothesis that is run, "" for the main fit.
    In brackets the weighted 5th and 95th percentile of k over the draws of the posterior of what is run (main fit: `knowledge/posterior/draws.csv`): none
    for a number set by hand, and none where fewer than `FEW_DRAWS` draws of a hypothesis carry the weight. Nothing is said for other ways, where the factor is 1, and where no drug acts.
    """
    main = regimen.main.blocks[0].dose
    if in_force("route") == "alike" or main.route != SPRAY or not main.entry.is_main:
        return ()
    if believed and not hypothesis(believed).drug_effect:
        return ()
    k = replaced.get(FACTOR, value(FACTOR).value)
    if k == 1.0:
        return ()
    ends = _ends(k, FACTOR in replaced, believed)
    between = f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""
    start = (
        f"mood: after a nasal spray the model {'lowers' if k < 1.0 else 'raises'} the drug's own effect to {k:.2f} of "
        f"what the amount in the brain gives{between}"
    )
    if FACTOR in replaced and not _believed_mode(k, believed):
        return (f"{start}, because that number was asked for ({FACTOR})",)
    return (
        f"{start}: with as much of the drug in the brain, trials of sprays find less than trials of infusions, and nobody knows why",
    )


def _believed_mode(k: float, believed: str) -> bool:
    """Whether the factor is that of the hypothesis itself."""
    return bool(believed) and hypothesis(believed).calibrated().get(FACTOR) == k


def _ends(k: float, replaced: bool, believed: str) -> tuple[float, float] | None:
    """Ends of the middle 90 % of the posterior that k is the mode of; None where that is not known."""
    if not replaced:
        return _ends_of_the_fit()
    return _ends_under(believed) if _believed_mode(k, believed) else None


@lru_cache(maxsize=1)
def _ends_of_the_fit() -> tuple[float, float] | None:
    found = posterior()
    if found is None or FACTOR not in found.names:
        return None
    return weighted_interval(found.draws[:, found.names.index(FACTOR)], found.weights)


@lru_cache(maxsize=32)
def _ends_under(believed: str) -> tuple[float, float] | None:
    """The same over the weighted draws of a hypothesis; None where it does not free k, where no draws ship, or where they are too few."""
    entry, path = hypothesis(believed), posterior_path(believed)
    if FACTOR not in entry.free_keys or not path.exists():
        return None
    found = calibration_draws(path)
    if FACTOR not in found.keys or not len(found.z) or found.effective < FEW_DRAWS:
        return None
    prior = entry.free[entry.free_keys.index(FACTOR)]
    return weighted_interval(prior.natural(found.z[:, found.keys.index(FACTOR)]), found.weights)
