"""Co-medication in plasma: ports, files and routings of everything given beside ketamine that is not an enzyme changer.

Parts: naltrexone, buprenorphine, midazolam, benzodiazepine, lamotrigine, memantine, rapamycin, morphine, nbqx, ssri,
`hnk_drug` by mouth, and `compound`, a compound of the user's own. Each is one part of the composition.
"""

from __future__ import annotations

import numpy as np

from ketasim.core import UsageError, value
from ketasim.core.compounds import absorption_sites
from ketasim.core.ports import Fragment, Port

from .routing import WHOLE, Administration, Deposit, Parameters, Request, Routing, Share, Window, infusion

CONCENTRATION = "umol/L"
INFUSED = ("midazolam", "morphine", "nbqx")
SWALLOWED = ("benzodiazepine", "lamotrigine", "memantine", "rapamycin", "morphine")
ONE_COMPARTMENT = tuple(dict.fromkeys((*INFUSED, *SWALLOWED)))

_LABELS = {
    "naltrexone": "Naltrexone, plasma",
    "naltrexol": "6-beta-naltrexol, plasma",
    "buprenorphine": "Buprenorphine, plasma",
    "midazolam": "Midazolam, plasma",
    "benzodiazepine": "Benzodiazepine as diazepam, plasma",
    "lamotrigine": "Lamotrigine, plasma",
    "memantine": "Memantine, plasma",
    "rapamycin": "Rapamycin, whole blood",
    "morphine": "Morphine, plasma",
    "nbqx": "NBQX, plasma",
    "compound_venous": "Compound of the user's own, venous plasma",
    "compound_arterial": "Compound of the user's own, arterial plasma",
}
PORTS = (
    *(Port(name, CONCENTRATION, label) for name, label in _LABELS.items()),
    Port("ssri", "dimensionless", "SSRI exposure, steady state of the standard daily dose = 1"),
)

_COPIES = {"level": "{instance}"}
FRAGMENTS = (
    Fragment("naltrexone.ant", parts=("naltrexone",), provides=("naltrexone", "naltrexol")),
    Fragment("buprenorphine.ant", parts=("buprenorphine",), provides=("buprenorphine",)),
    Fragment(
        "one_compartment.ant",
        instances={name: name for name in ONE_COMPARTMENT},
        rename=_COPIES,
        provides=("level",),
    ),
    Fragment("swallowed.ant", instances={name: name for name in SWALLOWED}),
    Fragment("infused.ant", instances={name: name for name in INFUSED}),
    Fragment("hnk_drug.ant", instances={"hnk_drug": "r"}, shared=True),
    Fragment("ssri.ant", parts=("ssri",), provides=("ssri",)),
    Fragment("compound.ant", parts=("compound",), provides=("compound_venous", "compound_arterial")),
)


def _into(part: str, state: str) -> Routing:
    """The whole dose into one depot at once; what the depot does with it is in its .ant file."""
    return lambda request: Administration((part,), deposits=(Deposit(0.0, state, WHOLE),))


def _into_site(site: str) -> Routing:
    """A compound of the user's own into an absorption site: at a constant rate over the time asked for, or at once."""

    def route(request: Request) -> Administration:
        if request.duration > 0:
            return infusion(request, f"compound_{site}_rate", ("compound",))
        return Administration(("compound",), deposits=(Deposit(0.0, f"compound_{site}", WHOLE),))

    return route


def _into_vein(part: str, name: str) -> Routing:
    return lambda request: infusion(request, name, (part,))


def buprenorphine_availability(amount: float, parameters: Parameters) -> float | np.ndarray:
    """Share of a sublingual dose that reaches the blood: F = F16 (dose / 16 mg)^-0.371, at most 1.

    amount : umol of the dose. Bjornsson 2023, Table 3 (doi:10.1007/s40262-023-01288-6).
    """
    scale = (amount / value("buprenorphine_reference_dose").value) ** parameters["buprenorphine_dose_exponent"]
    return np.minimum(1.0, parameters["buprenorphine_availability"] * scale)


def _under_the_tongue(request: Request) -> Administration:
    """Buprenorphine: a quick part (lag, constant release, first order), a slow part, and what never reaches the blood."""
    amount = request.amount
    if not amount > 0:
        raise UsageError(
            "the available share of buprenorphine depends on the size of the dose, which is missing",
            where="buprenorphine sublingual",
            fix='administrations("buprenorphine", "sublingual", amount=34.2)   # umol',
        )
    needs = ("buprenorphine_availability", "buprenorphine_dose_exponent")
    split = (*needs, "buprenorphine_quick_share")
    text = (
        f"buprenorphine_availability * ({amount:.4g} umol / buprenorphine_reference_dose)^buprenorphine_dose_exponent"
    )

    def reaching(parameters: Parameters) -> float | np.ndarray:
        return buprenorphine_availability(amount, parameters)

    quick = Share(f"{text} * quick_share", split, lambda p: reaching(p) * p["buprenorphine_quick_share"])
    slow = Share(f"{text} * (1 - quick_share)", split, lambda p: reaching(p) * (1.0 - p["buprenorphine_quick_share"]))
    lost = Share(f"1 - {text}", needs, lambda p: 1.0 - reaching(p))
    lag, duration = value("buprenorphine_lag").value, value("buprenorphine_release_duration").value
    return Administration(
        ("buprenorphine",),
        windows=(Window(lag, duration, "buprenorphine_release_rate", quick),),
        deposits=(
            Deposit(0.0, "buprenorphine_slow", slow),
            Deposit(0.0, "buprenorphine_unavailable", lost),
        ),
    )


ROUTINGS: dict[str, dict[str, Routing]] = {
    "naltrexone": {"oral": _into("naltrexone", "naltrexone_tablet")},
    "buprenorphine": {
        "sublingual": _under_the_tongue,
        "iv": _into_vein("buprenorphine", "buprenorphine_infusion_rate"),
    },
    "ssri": {"oral": _into("ssri", "ssri_gut")},
    "hnk_drug": {"oral": _into("hnk_drug", "r_hnk_gut")},
    "compound": {
        "iv": _into_vein("compound", "compound_infusion_rate"),
        **{route: _into_site(site) for route, site in absorption_sites().items()},
    },
}
for _name in INFUSED:
    ROUTINGS.setdefault(_name, {})["iv"] = _into_vein(_name, f"{_name}_infusion_rate")
for _name in SWALLOWED:
    ROUTINGS.setdefault(_name, {})["oral"] = _into(_name, f"{_name}_gut")
