"""The table of endpoints: for each, who predicts it, which outputs it needs, how it is compared, what spreads between studies.

A new endpoint is one line here (and a word of `published.vocabulary`); if no rule predicts it yet, a function in `quantities.RULES`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ketasim.core import output_register

from ..published.study import Row

LEVEL_STATISTICS = ("mean", "mean_at", "largest_mean_maximum")
LOG_STATISTICS = (
    "odds_ratio",
    "risk_ratio",
    "hazard_ratio",
    "ratio",
    "cmax",
    "auc",
    "tmax",
    "half_life",
    "profile_point",
    "change_sd",
    "median_time",
    "mean_time",
    "product_limit_mean",
    "clearance",
    "volume",
    "bioavailability",
)
OCCUPANCY_PORTS = {
    "nmda": "nmda_occupancy",
    "mu": "mu_antagonist_occupancy",
    "kappa": "kappa_activity",
    "delta": "delta_activity",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """rule : key of `quantities.RULES`, empty = the model has nothing like it. family : what spreads between studies. ports : outputs of
    the chain beyond the usual states. dense : a fine grid after every dose. log_levels : levels are compared on the log scale."""

    rule: str
    family: str
    ports: tuple[str, ...] = ()
    dense: bool = False
    log_levels: bool = False


def _report(*ports: str) -> Endpoint:
    return Endpoint("report", "report", ports)


ENDPOINTS = {
    "madrs": Endpoint("mood", "mood"),
    "ideation": Endpoint("mood", "mood"),
    "relapse": Endpoint("relapse", "mood"),
    "dropout": Endpoint("dropout", "report"),
    "belief": Endpoint("guess", "report"),
    "cadss": Endpoint("felt", "dissociation"),
    "moaas": Endpoint("alertness", "dissociation", ("moaas",)),
    "sbp": Endpoint("vital", "vital"),
    "dbp": Endpoint("vital", "vital"),
    "heart_rate": Endpoint("vital", "vital"),
    "dissociation_ae": _report(),
    "sedation_ae": _report("moaas"),
    "nausea_ae": _report(),
    "dizziness_ae": _report(),
    "dissociation_group_ae": Endpoint("grouped", "report"),
    "sedation_group_ae": Endpoint("grouped", "report", ("moaas",)),
    "nausea_group_ae": Endpoint("grouped", "report"),
    "dizziness_group_ae": Endpoint("grouped", "report"),
    "glutamate": Endpoint("tissue", "receptor", ("glutamate",), dense=True, log_levels=True),
    "spines": Endpoint("tissue", "receptor", ("spines",), dense=True, log_levels=True),
    "bdnf": Endpoint("tissue", "receptor", ("bdnf",), dense=True, log_levels=True),
}
# Endpoints of the vocabulary that the model has nothing for yet: rows of them are listed as not predicted.
WITHOUT_RULE = Endpoint("", "report")


def endpoint_of(name: str) -> Endpoint:
    """The entry of an endpoint. Families of endpoints (plasma.*, arterial.*, occupancy.*, predictor.*) are made from their name."""
    if name in ENDPOINTS:
        return ENDPOINTS[name]
    kind, _, what = name.partition(".")
    if kind in ("plasma", "arterial"):
        return Endpoint("exposure", "plasma", level_ports(name), dense=True, log_levels=True)
    if kind == "occupancy":
        return Endpoint("tissue", "receptor", (OCCUPANCY_PORTS.get(what, what),), dense=True, log_levels=True)
    if kind == "predictor":
        ports = level_ports("plasma.hnk") if what == "hnk" else ()
        return Endpoint("mood", "mood", ports, dense=bool(ports))
    return WITHOUT_RULE


def level_ports(name: str) -> tuple[str, ...]:
    """Outputs of the chain behind a concentration, a sum of several (joined by +), or one enantiomer of a metabolite."""
    return tuple(port for part in name.split("+") for port in _species(part)[0])


def _species(name: str) -> tuple[tuple[str, ...], str]:
    """Ports and molar mass of one concentration; no ports where the model has none."""
    register = output_register()
    if name in register:
        return tuple(register[name].ports), register[name].molar_mass
    site, _, what = name.partition(".")
    both = register.get(f"{site}.{what[2:]}") if what[:2] in ("s_", "r_") else None
    if both is None:
        return (), ""
    return tuple(port for port in both.ports if port.startswith(what[:2])), both.molar_mass


def species_of(name: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Ports and molar mass of every part of a concentration."""
    return tuple(_species(part) for part in name.split("+"))


def family(row: Row) -> str:
    """Kind of quantity, which decides the spread between studies: mood, plasma, receptor, dissociation, vital, report, correlation."""
    return "correlation" if row.statistic == "correlation" else endpoint_of(row.endpoint).family


def scale_of(row: Row, shares: tuple[str, ...]) -> str:
    """logit | log | fisher | plain: by statistic and endpoint alone. A direction coded as a ratio (0 lost, 1 same) is compared as it stands."""
    if row.is_sign:
        return "plain"
    if row.statistic in LOG_STATISTICS:
        return "log"
    if row.statistic in shares:
        return "logit"
    if row.statistic == "correlation":
        return "fisher"
    return "log" if endpoint_of(row.endpoint).log_levels and row.statistic in LEVEL_STATISTICS else "plain"
