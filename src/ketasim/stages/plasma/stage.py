"""The plasma stage: what it gives, what it is made of. Doses are routed in routing.py.

Parts that can be asked for: the enantiomers `s_ketamine`, `r_ketamine`; `hnk_drug`, (2R,6R)-HNK as a drug (it shares copy
r of hnk.ant with the metabolite); absorption sites `nasal`, `oral`, `mucosal`, `injected` (words of
`Administration.parts`); enzyme-changing drugs; co-medication.
"""

from __future__ import annotations

from pathlib import Path

from ketasim.core.ports import Fragment, Port, Stage

from . import comedication
from .routing import PERPETRATORS, Administration, Deposit, Share, Window, administrations, register

__all__ = ["STAGE", "Administration", "Deposit", "Share", "Window", "administrations", "register"]

ENANTIOMERS = {"s_ketamine": "s", "r_ketamine": "r"}
CONCENTRATION = "umol/L"
_NAMES = {
    "s": ("S-ketamine", "S-norketamine", "S-DHNK", "(2S,6S)-HNK"),
    "r": ("R-ketamine", "R-norketamine", "R-DHNK", "(2R,6R)-HNK"),
}


def _enantiomer_ports(prefix: str) -> tuple[Port, ...]:
    ketamine, norketamine, dhnk, hnk = _NAMES[prefix]
    return (
        Port(f"{prefix}_ketamine_venous", CONCENTRATION, f"{ketamine}, venous plasma"),
        Port(f"{prefix}_ketamine_arterial", CONCENTRATION, f"{ketamine}, arterial plasma"),
        Port(f"{prefix}_norketamine", CONCENTRATION, f"{norketamine}, plasma"),
        Port(f"{prefix}_norketamine_arterial", CONCENTRATION, f"{norketamine}, arterial plasma"),
        Port(f"{prefix}_dhnk", CONCENTRATION, f"{dhnk}, plasma"),
        Port(f"{prefix}_hnk", CONCENTRATION, f"{hnk}, plasma"),
    )


ENZYMES = (
    Port("cyp3a4_gut", "dimensionless", "Activity of CYP3A4 in the gut wall (undosed = 1)", null=1.0),
    Port("cyp3a4_liver", "dimensionless", "Activity of CYP3A4 in the liver (undosed = 1)", null=1.0),
    Port("cyp2b6_liver", "dimensionless", "Activity of CYP2B6 in the liver (undosed = 1)", null=1.0),
)

# Rates of entry into systemic veins from sites that may be absent, and levels of drugs that may be absent.
ENTRIES = tuple(
    Port(f"{prefix}_{site}_entry", "umol/h", f"{_NAMES[prefix][0]} entering veins from the {site} site")
    for prefix in _NAMES
    for site in ("nasal", "mucosal", "injected")
)
LEVELS = tuple(
    Port(f"{drug}_level", "dimensionless", f"{drug}: amount in the body, standard course = 1") for drug in PERPETRATORS
)

KETAMINE = (
    Fragment(
        "ketamine.ant",
        instances=ENANTIOMERS,
        shared=True,
        provides=("dhnk",),
    ),
    Fragment("hnk.ant", instances={**ENANTIOMERS, "hnk_drug": "r"}, shared=True, provides=("hnk",)),
    Fragment("nasal.ant", also=("nasal",), instances=ENANTIOMERS, shared=True, provides=("nasal_entry",)),
    Fragment("extended.ant", also=("extended",), instances=ENANTIOMERS, shared=True),
    Fragment("mucosal.ant", also=("mucosal",), instances=ENANTIOMERS, shared=True, provides=("mucosal_entry",)),
    Fragment("injected.ant", also=("injected",), instances=ENANTIOMERS, shared=True, provides=("injected_entry",)),
)
INTERACTIONS = (
    Fragment("perpetrator.ant", instances={drug: drug for drug in PERPETRATORS}, provides=("level",)),
    Fragment("interactions.ant", parts=PERPETRATORS, provides=tuple(port.name for port in ENZYMES)),
)

_SITES = ("ketamine_venous", "ketamine_arterial", "norketamine", "norketamine_arterial")
_GUT = ("gut_availability", "gut_to_norketamine", "gut_to_other")


def _once(file: str, provides: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> tuple[Fragment, ...]:
    return (Fragment(file, also=also, instances=ENANTIOMERS, shared=True, provides=provides),)


# Alternatives, told apart by studies left out: docs/decisions/plasma.md, `python -m ketasim.evidence.kinetics.leave_out`.
# The first of each choice is the default.
SITES = ("vein", "passage", "transit", "mixed", "arm")
GUT = ("gut", "gut_alike")
ORAL = ("oral_steps", "oral", "oral_two_sites")
CHOICES = (SITES, GUT, ORAL)
ALTERNATIVES = {
    "rapid": _once("rapid.ant"),
    **{name: _once(f"{name}.ant", _SITES) for name in SITES},
    **{name: _once(f"{name}.ant", _GUT) for name in GUT},
    **{name: _once(f"{name}.ant", also=("oral",)) for name in ORAL},
}

STAGE = Stage(
    name="plasma",
    label="Plasma",
    folder=Path(__file__).parent,
    inputs=(),
    outputs=(*_enantiomer_ports("s"), *_enantiomer_ports("r"), *ENZYMES, *comedication.PORTS),
    internal=(*ENTRIES, *LEVELS),
    fragments={
        "ketamine": KETAMINE,
        **ALTERNATIVES,
        "interactions": INTERACTIONS,
        "comedication": comedication.FRAGMENTS,
        "none": (Fragment("none.ant"),),
    },
    default=("ketamine", "rapid", "vein", "gut", "oral_steps", "interactions", "comedication"),
)

for _part, _routes in comedication.ROUTINGS.items():
    register(_part, _routes)
