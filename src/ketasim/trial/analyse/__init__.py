"""Analyses of virtual trials, batched over replicates: each takes arrays with the replicates first, gives numbers or a status."""

from .barnard import barnard_exact
from .competing import Incidence, cause_specific, cumulative_incidence, incidence_difference
from .cox import cox
from .estimands import ANALYSES, Analysis, Estimand
from .gray import Gray, gray
from .imputation import STRATEGIES, Imputed, multiple_imputation
from .means import ancova, t_test
from .mmrm import Mmrm, mmrm
from .proportions import Proportions, fisher_exact, logistic, proportions, wilson
from .reestimation import (
    NewSize,
    blinded,
    combine,
    conditional_power,
    events_needed,
    promising,
    t_power,
    t_size,
)
from .result import Comparison
from .sequential import (
    KINDS,
    Bounds,
    Stopped,
    bounds,
    crossing,
    drift_for,
    expected_fraction,
    power,
    stagewise_p,
    stop,
    z_of,
)
from .status import Status
from .survival import Curve, LogRank, RestrictedMean, kaplan_meier, log_rank, restricted_mean

__all__ = [
    "ANALYSES",
    "KINDS",
    "STRATEGIES",
    "Analysis",
    "Bounds",
    "Comparison",
    "Curve",
    "Estimand",
    "Gray",
    "Imputed",
    "Incidence",
    "LogRank",
    "Mmrm",
    "NewSize",
    "Proportions",
    "RestrictedMean",
    "Status",
    "Stopped",
    "ancova",
    "barnard_exact",
    "blinded",
    "bounds",
    "cause_specific",
    "combine",
    "conditional_power",
    "cox",
    "crossing",
    "cumulative_incidence",
    "drift_for",
    "events_needed",
    "expected_fraction",
    "fisher_exact",
    "gray",
    "incidence_difference",
    "kaplan_meier",
    "log_rank",
    "logistic",
    "mmrm",
    "multiple_imputation",
    "power",
    "promising",
    "proportions",
    "restricted_mean",
    "stagewise_p",
    "stop",
    "t_power",
    "t_size",
    "t_test",
    "wilson",
    "z_of",
]
