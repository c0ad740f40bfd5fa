"""Who is simulated: the typical person and everybody else, with what differs between them."""

from .cohort import ETHNICITIES, GENOTYPES, SEXES, TYPICAL, People, Traits, draw_people, spread_values, typical
from .covariates import COVARIATES, Covariate, chain_parameters

__all__ = [
    "COVARIATES",
    "ETHNICITIES",
    "GENOTYPES",
    "SEXES",
    "TYPICAL",
    "Covariate",
    "People",
    "Traits",
    "chain_parameters",
    "draw_people",
    "spread_values",
    "typical",
]
