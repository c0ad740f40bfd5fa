"""`[endpoint]`, `[analysis]` and `[reestimation]` of a design file: every word that only another method understands is said, with its line."""

from __future__ import annotations

from itertools import pairwise

from ketasim.ratings.scales import remission_cut

from .analyse.imputation import STRATEGIES
from .analyse.sequential import KINDS as SPENDINGS
from .analyse.sequential import MOST_LOOKS
from .design import Endpoint, words_of
from .fields import Fields
from .plan import (
    COVARIATES,
    FREEDOMS,
    MEASURES,
    METHODS,
    MISSING,
    OF_SHARES,
    OF_STRATA,
    STRATA,
    Analysis,
    Freedom,
    Looks,
    Reestimation,
    default_cut,
)

# what only some methods read
ONLY = {
    "df": ("mmrm",),
    "covariates": ("mmrm", "ancova", "imputation", "logistic"),
    "imputation": ("imputation",),
    "imputations": ("imputation",),
    "shift": ("imputation",),
    "reference": ("imputation",),
    "horizon": ("rmst",),
    "missing": OF_SHARES,
    "strata": OF_STRATA,
}
OF_LOOKS = ("spending", "exponent", "futility")


def read_endpoint(top: Fields, visits: tuple[float, ...], scale: str, arms: list[str], comparator: str) -> Endpoint:
    """`[endpoint]`."""
    entry = top.table_at("endpoint") or Fields({}, ("endpoint",), top.lines, top.problems)
    measure = entry.text("measure", "change", MEASURES)
    at = entry.hour("at", visits[-1])
    if all(abs(at - visit) > 1e-6 for visit in visits):
        near = min(visits, key=lambda t: abs(t - at))
        entry.note("at", f"the endpoint is read at {words_of(at)}, where no visit is", f'at = "{near / 24:g} d"')
        at = visits[-1]
    others = [name for name in arms if name != comparator]
    arm = entry.text("arm", others[0] if others else (arms or [""])[0], others or arms)
    cut = entry.number("cut", default_cut(measure, remission_cut(scale)), 0.0, 100.0)
    if "cut" in entry.table and measure not in ("remission", "relapse", "cadss_share", "ideation_remission"):
        entry.note("cut", f"{measure} has no cut", 'measure = "remission"')
    share = entry.number("response", 0.5, 0.0, 1.0)
    entry.leftovers()
    return Endpoint(measure, at, arm, cut, share)


def read_analysis(top: Fields, measure: str, arms: list[str], comparator: str) -> Analysis:
    """`[analysis]` and `[reestimation]`."""
    entry = top.table_at("analysis") or Fields({}, ("analysis",), top.lines, top.problems)
    known = METHODS[measure]
    method = entry.text("method", known[0], known)
    freedom: Freedom = (
        "satterthwaite" if entry.text("df", FREEDOMS[0], FREEDOMS) == "satterthwaite" else "kenward-roger"
    )
    alpha = entry.number("alpha", 0.05, 0.0, 1.0)
    if not 0 < alpha < 1:
        entry.note("alpha", "the level is between 0 and 1", "alpha = 0.05")
        alpha = 0.05
    entry.has("covariates")
    covariates = entry.texts("covariates", COVARIATES) if "covariates" in entry.table else ("baseline",)
    reference = entry.text("reference", "", arms)
    found = Analysis(
        method,
        freedom,
        covariates,
        alpha,
        entry.text("imputation", "mar", STRATEGIES),
        entry.whole("imputations", 20, 2, 200),
        entry.number("shift", 0.0, -60.0, 60.0),
        "" if reference == comparator else reference,
        entry.hour("horizon", 0.0),
        entry.text("missing", MISSING[0], MISSING),
        _looks(entry, alpha),
        _reestimation(top, measure, arms),
        tuple(dict.fromkeys(entry.texts("strata", STRATA))),
    )
    for key, methods in ONLY.items():
        if key in entry.table and method not in methods:
            entry.note(key, f"{method} has no {key}; it belongs to {', '.join(methods)}", f'method = "{methods[0]}"')
    if found.horizon_h < 0:
        entry.note("horizon", "the horizon is a time after the randomisation", 'horizon = "28 d"')
    if found.looks and found.reestimation:
        entry.note("looks", "looks and a re-estimated size are not worked out together", "leave out one of them")
    entry.leftovers()
    return found


def _looks(entry: Fields, alpha: float) -> Looks | None:
    given = entry.has("looks")
    spending = entry.text("spending", "spend-obrien-fleming", SPENDINGS)
    exponent = entry.number("exponent", 1.0, 1e-3, 20.0)
    futility = _numbers(entry, "futility")
    if not given:
        for key in OF_LOOKS:
            if key in entry.table:
                entry.note(key, f"{key} without looks", "looks = [0.5, 1.0]")
        return None
    if "exponent" in entry.table and spending != "spend-power":
        entry.note("exponent", f"{spending} has no exponent", 'spending = "spend-power"')
    if alpha >= 0.5:
        entry.note("alpha", "looks need a level below 0.5", "alpha = 0.05")
        return None
    fractions = _fractions(entry)
    if futility and len(futility) != len(fractions) - 1:
        entry.note(
            "futility",
            f"{len(futility)} futility bounds for {len(fractions)} looks: one for each look but the last",
            f"futility = [{', '.join(['0.0'] * max(len(fractions) - 1, 1))}]",
        )
        futility = ()
    return Looks(fractions, spending, exponent, futility) if len(fractions) > 1 else None


def _fractions(entry: Fields) -> tuple[float, ...]:
    """The looks: a number of them at equal steps, or the shares of people themselves."""
    given = entry.table["looks"]
    if isinstance(given, int) and not isinstance(given, bool):
        if not 2 <= given <= MOST_LOOKS:
            entry.note("looks", f"looks cannot be {given}; allowed: 2 to {MOST_LOOKS}", "looks = 2")
            return ()
        return tuple((k + 1) / given for k in range(given))
    found = _numbers(entry, "looks")
    rising = all(a < b for a, b in pairwise(found))
    if not 2 <= len(found) <= MOST_LOOKS or not rising or found[0] <= 0 or abs(found[-1] - 1) > 1e-9:
        entry.note(
            "looks",
            f"looks are a number or rising shares of the people that end in 1 (2 to {MOST_LOOKS})",
            "looks = [0.5, 1.0]",
        )
        return ()
    return found


def _numbers(entry: Fields, key: str) -> tuple[float, ...]:
    if not entry.has(key):
        return ()
    given = entry.table[key]
    items = given if isinstance(given, list) else [given]
    if not all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < 100 for x in items):
        entry.note(key, f"{key} is a list of numbers", f"{key} = [0.0]")
        return ()
    return tuple(float(x) for x in items)


def _reestimation(top: Fields, measure: str, arms: list[str]) -> Reestimation | None:
    entry = top.table_at("reestimation")
    if entry is None:
        return None
    kind = entry.text("kind", "promising", ("blinded", "promising"))
    found = Reestimation(
        kind,
        entry.number("at", 0.5),
        entry.number("most", 2.0, 1.0, 5.0),
        entry.number("effect", 0.0),
        entry.number("power", 0.8, 0.0, 1.0),
        entry.number("least", 0.36, 0.0, 1.0),
        entry.number("wanted", 0.8, 0.0, 1.0),
    )
    if not 0.1 <= found.at <= 0.9:
        entry.note("at", "the look is at a share of the people from 0.1 to 0.9", "at = 0.5")
    if len(arms) != 2:
        top.note("reestimation", f"a size is re-estimated for two arms, not {len(arms)}", "leave out [reestimation]")
    for keys, own in ((("effect", "power"), "blinded"), (("least", "wanted"), "promising")):
        for key in keys:
            if key in entry.table and kind != own:
                entry.note(key, f"{key} belongs to the kind {own}", f'kind = "{own}"')
    if kind == "blinded":
        if measure not in ("change", "ideation"):
            top.note("reestimation", f"a blinded re-estimation needs a score, not {measure}", 'kind = "promising"')
        if found.effect == 0:
            entry.note(
                "effect", "a blinded re-estimation says the effect that was planned for, in points", "effect = 4.0"
            )
        if not 0 < found.power < 1:
            entry.note("power", "the power is between 0 and 1", "power = 0.8")
    elif not 0 < found.least < found.wanted < 1:
        entry.note("least", "the promising zone lies between 0 and 1", "least = 0.36\nwanted = 0.8")
    entry.leftovers()
    return found
