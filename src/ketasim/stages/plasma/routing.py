"""Where a dose goes: from (part of a drug, route) to inputs and states of the plasma model.

A dose becomes windows (an input held constant for some time) and deposits (an amount added to a state at once), each
with a share of the dose. Shares may depend on parameters that differ between people (how much of a spray the nose
takes up); the times never do, so that all people share the same dose segments.

Every part is registered in `ROUTINGS`; a new drug adds its own line there (or calls `register`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from ketasim.core import FrozenMapping, UsageError, Value, nearest, values
from ketasim.core.arrays import Array

type Numbers = float | Array
type Parameters = Mapping[str, Numbers]

STAGE_VALUES = "plasma"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the dose as an expression in parameters; `text` says it, `needs` names them."""

    text: str
    needs: tuple[str, ...]
    formula: Callable[[Parameters], Numbers]

    def __call__(self, parameters: Parameters) -> Numbers:
        """The share for the parameter values given (numbers, or one array entry per person)."""
        missing = [name for name in self.needs if name not in parameters]
        if missing:
            raise UsageError(f"the share {self.text} needs {', '.join(missing)}", where="stages.plasma.routing")
        return self.formula(parameters)


@dataclass(frozen=True, slots=True)
class Window:
    """`share` of the dose enters through `input` at a constant rate from `start` (h after the dose) for `duration` h."""

    start: float
    duration: float
    input: str
    share: Share


@dataclass(frozen=True, slots=True)
class Deposit:
    """`share` of the dose is added to `state` at `at` (h after the dose)."""

    at: float
    state: str
    share: Share


@dataclass(frozen=True, slots=True)
class Administration:
    """All that one dose does. `parts` are the words that must be asked of the composition (the drug, the route's file)."""

    parts: tuple[str, ...]
    windows: tuple[Window, ...] = ()
    deposits: tuple[Deposit, ...] = ()

    def total(self, parameters: Parameters) -> Numbers:
        """Sum of all shares: 1 for every dose that is fully accounted for."""
        shares = [item.share for item in self.windows] + [item.share for item in self.deposits]
        return sum((share(parameters) for share in shares), start=0.0)


WHOLE = Share("1", (), lambda parameters: 1.0)


def available(name: str) -> Share:
    """The share called `name`."""
    return Share(name, (name,), lambda parameters: parameters[name])


def rest(name: str) -> Share:
    """One minus the share called `name`."""
    return Share(f"1 - {name}", (name,), lambda parameters: 1.0 - parameters[name])


NASAL_LATER = ("nasal_fraction", "nasal_later_spray_factor")


def _nasal_shares(device: int) -> tuple[Share, Share]:
    """Shares of a device that go to mucosa and gut: FRn and 1 - FRn for the first, times the spray factor for later ones."""
    if device == 0:
        return available("nasal_fraction"), rest("nasal_fraction")
    return (
        Share(" * ".join(NASAL_LATER), NASAL_LATER, lambda p: p[NASAL_LATER[0]] * p[NASAL_LATER[1]]),
        Share("1 - " + " * ".join(NASAL_LATER), NASAL_LATER, lambda p: 1.0 - p[NASAL_LATER[0]] * p[NASAL_LATER[1]]),
    )


def _shared(name: str) -> float:
    """A duration that is the same for all people."""
    return values(STAGE_VALUES)[name].value


@cache
def routing_values() -> Mapping[str, Value]:
    """Every value a `Share` may need, by identifier; some are in no equation of the model, so that only this lists them."""
    return FrozenMapping({**values(STAGE_VALUES), **values("comedication")})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: part, route, duration of an infusion in h (0 = at once), index of the device in its session, the
    amount in umol (0 = unknown; needed only where the share absorbed depends on it), and the formulation ("" = plain)."""

    part: str
    route: str
    duration: float = 0.0
    device: int = 0
    amount: float = 0.0
    formulation: str = ""


type Routing = Callable[[Request], Administration]

EXTENDED_RELEASE = "extended-release"
FORMULATIONS: Mapping[tuple[str, str], tuple[str, ...]] = FrozenMapping(
    {(f"{prefix}_ketamine", "oral"): (EXTENDED_RELEASE,) for prefix in ("s", "r")}
)
"""(part, route) -> formulations with parameters of their own; every route has the plain one, named ""."""


def check_formulation(part: str, route: str, formulation: str) -> None:
    """Refuse, by name, a formulation that has no parameters of its own: a lozenge is not computed as something else."""
    known = FORMULATIONS.get((part, route), ())
    if formulation and formulation not in known:
        raise UsageError(
            f"the formulation {formulation} has no absorption data: {part} by the {route} route is not computed for it",
            where=f"{part} {route} {formulation}",
            allowed=", ".join(("the plain form (no word)", *known)),
            fix=f"leave out the word {formulation}" + (f", or write {known[0]}" if known else ""),
        )


def infusion(request: Request, name: str, parts: tuple[str, ...]) -> Administration:
    """The whole dose through the input `name` at a constant rate over the duration asked for."""
    if request.duration <= 0:
        raise UsageError(
            f"an intravenous dose of {request.part} needs a duration above zero",
            where=f"{request.part} {request.route}",
            fix="over 40 min",
        )
    return Administration(parts, windows=(Window(0.0, request.duration, name, WHOLE),))


def _enantiomer(prefix: str) -> dict[str, Routing]:
    """Routings of one enantiomer by route (states and inputs of ketamine.ant, nasal.ant, oral.ant, mucosal.ant, injected.ant)."""
    part = f"{prefix}_ketamine"

    def intravenous(request: Request) -> Administration:
        return infusion(request, f"{prefix}_infusion_rate", (part,))

    def nasal(request: Request) -> Administration:
        mucosa, gut = _nasal_shares(request.device)
        window = Window(0.0, _shared("nasal_swallow_duration"), f"{prefix}_nasal_swallowed_rate", gut)
        return Administration((part, "nasal"), (window,), (Deposit(0.0, f"{prefix}_nasal_depot", mucosa),))

    def oral(request: Request) -> Administration:
        if request.formulation == EXTENDED_RELEASE:
            slow = Window(0.0, _shared("extended_release_duration"), f"{prefix}_extended_rate", WHOLE)
            return Administration((part, "extended"), (slow,))
        return Administration(
            (part, "oral"), (Window(0.0, _shared("oral_release_duration"), f"{prefix}_oral_rate", WHOLE),)
        )

    def mucosal(request: Request) -> Administration:
        return Administration(
            (part, "mucosal"),
            (
                Window(
                    0.0, _shared("mucosal_release_duration"), f"{prefix}_mucosal_rate", available("mucosal_fraction")
                ),
                Window(
                    0.0,
                    _shared("mucosal_swallow_duration"),
                    f"{prefix}_mucosal_swallowed_rate",
                    rest("mucosal_fraction"),
                ),
            ),
        )

    def sublingual(request: Request) -> Administration:
        """Under the tongue: what is swallowed is an oral dose (the film brings its own rate for it, Simons 2022)."""
        return Administration(
            (part, "mucosal", "oral"),
            (
                Window(
                    0.0, _shared("mucosal_release_duration"), f"{prefix}_mucosal_rate", available("mucosal_fraction")
                ),
                Window(0.0, _shared("oral_release_duration"), f"{prefix}_oral_rate", rest("mucosal_fraction")),
            ),
        )

    def depot(state: str, fraction: str) -> Routing:
        def route(request: Request) -> Administration:
            lost = Deposit(0.0, f"{prefix}_lost_at_site", rest(fraction))
            if request.duration > 0 and state == "subcutaneous_depot":
                slow = Window(0.0, request.duration, f"{prefix}_subcutaneous_rate", available(fraction))
                return Administration((part, "injected"), (slow,), (lost,))
            return Administration(
                (part, "injected"), (), (Deposit(0.0, f"{prefix}_{state}", available(fraction)), lost)
            )

        return route

    return {
        "iv": intravenous,
        "nasal": nasal,
        "oral": oral,
        "sublingual": sublingual,
        "film": mucosal,
        "im": depot("muscle_depot", "intramuscular_fraction"),
        "sc": depot("subcutaneous_depot", "subcutaneous_fraction"),
    }


PERPETRATORS = ("clarithromycin", "grapefruit_juice", "itraconazole", "ticlopidine", "rifampicin", "st_johns_wort")


def _perpetrator(name: str) -> Routing:
    """An enzyme-changing drug: the whole dose enters the body at once (perpetrator.ant)."""
    return lambda request: Administration((name,), deposits=(Deposit(0.0, f"{name}_in_body", WHOLE),))


ROUTINGS: dict[str, dict[str, Routing]] = {
    "s_ketamine": _enantiomer("s"),
    "r_ketamine": _enantiomer("r"),
    "hnk_drug": {"iv": lambda request: infusion(request, "r_hnk_infusion_rate", ("hnk_drug",))},
    **{name: {"oral": _perpetrator(name)} for name in PERPETRATORS},
}


def register(part: str, routes: Mapping[str, Routing]) -> None:
    """Add the routings of a further part (co-medication, a compound of the user's own)."""
    ROUTINGS[part] = {**ROUTINGS.get(part, {}), **routes}


def administrations(
    part: str,
    route: str,
    duration: float = 0.0,
    device: int = 0,
    amount: float = 0.0,
    formulation: str = "",
) -> Administration:
    """What one dose of `part` by `route` does to the plasma model.

    part : word of the drug catalogue's `parts` (s_ketamine, rifampicin, ...). route : catalogue name (iv, nasal, ...).
    duration : h, for infusions (a bolus is a short infusion). device : 0 for the first device of a nasal session,
    1, 2, ... for later ones. amount : umol of the part (sublingual buprenorphine needs it). formulation : "" for the
    plain form, "extended-release", ...; one without parameters of its own is refused by name. An unknown part or a route
    without routing raises UsageError.
    """
    if part not in ROUTINGS:
        raise UsageError(
            f"no dose of {part} can be routed",
            where="stages/plasma/comedication.py",
            allowed=", ".join(nearest(part, ROUTINGS)),
            fix=f'"{part}" in SWALLOWED ({route} tablet, one compartment), or ROUTINGS["{part}"] = {{"{route}": ...}}',
        )
    routes = ROUTINGS[part]
    if route not in routes:
        raise UsageError(
            f"{part} cannot be given by the {route} route",
            where="plasma stage",
            allowed=", ".join(routes),
            fix=f'{next(iter(routes))}; or a routing for "{route}" in stages/plasma/comedication.py',
        )
    check_formulation(part, route, formulation)
    found = routes[route](Request(part, route, duration, device, amount, formulation))
    if duration > 0 and not any(window.duration == duration for window in found.windows):
        raise UsageError(
            f"{part} by the {route} route is given at once: a dose over {duration:g} h cannot be routed",
            where="plasma stage",
            allowed=f"{part} {route} without a duration",
        )
    return found
