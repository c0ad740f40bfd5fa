"""What a virtual trial gives: power by size, courses by arm and visit, the contrast, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim._version import __version__
from ketasim.core.records import NOTICE
from ketasim.scenario.result import plain

from .design import Design, words_of
from .dropout import equation
from .one import OneTrial
from .plan import OF_SHARES, OF_STRATA
from .power import Power


@dataclass(frozen=True)
class VisitRow:
    """One arm at one visit: mean number seen, mean and SD of the change, shares of response and remission among the seen, share gone for good."""

    day: float
    n: float
    mean_change: float
    sd_change: float
    response: float
    remission: float
    dropout: float


@dataclass(frozen=True)
class ArmRow:
    """One arm: mean number randomised, its visits, harm (means over people), share of correct guesses.

    harm : `cadss_peak` the strongest dissociation, CADSS points; `felt_peak` the strongest that is felt, by which people guess, in CADSS points of equal
    persuasion: the same but in an arm of midazolam, whose sedation is felt and is no dissociation (`ratings.mood.felt_course`; in the setting midazolam
    the setting itself counts it); `sbp_rise` the largest rise, mmHg; `moaas` the lowest, points; `nausea` the largest probability at any time;
    `share_NAME` the share who have reported it, or passed the limit of pressure, by the last visit.
    """

    arm: str
    n: float
    visits: tuple[VisitRow, ...]
    harm: Mapping[str, float]
    correct_guess: float


@dataclass(frozen=True)
class Contrast:
    """An arm against the comparator at the endpoint: mean over replicates, 5th and 95th percentile of the means of worlds, Monte Carlo SE.

    scale : what the estimate is. trial_low, trial_high : mean limits of the interval (1 - alpha) that a single trial prints.
    told : whether low and high are a spread (`power.told`); where not, faces ask for more replicates.
    """

    endpoint: str
    day: float
    arm: str
    comparator: str
    mean: float
    low: float
    high: float
    mc_se: float
    scale: str
    trial_low: float
    trial_high: float
    told: bool = True


@dataclass(frozen=True)
class Bias:
    """True effect, analysed effect, effect had blinding held, and what a drug would show that is felt but does nothing; (mean, low, high) each; told : whether low and high are a spread."""

    true: tuple[float, float, float]
    analysed: tuple[float, float, float]
    held: tuple[float, float, float]
    inert: tuple[float, float, float]
    told: bool = True


@dataclass(frozen=True, repr=False)
class TrialResult:
    """Everything about one design. power : primary comparison by size; contrasts : of all arms at the largest size.

    stopping : size -> arm -> what looks or a re-estimated size did. estimates : size -> arm -> estimate of every replicate (sims,), nan = no result; hypothesis_of : hypothesis of every replicate; one : the first replicate, person by person
    (`one_trial` makes any other).
    """

    design: Design
    seed: int
    sims: int
    worlds: int
    null: bool
    estimand: str
    power: tuple[Power, ...]
    powers: Mapping[str, tuple[Power, ...]]
    arms: tuple[ArmRow, ...]
    contrasts: tuple[Contrast, ...]
    bias: Mapping[str, Bias]
    guess_curve: Mapping[str, tuple[tuple[float, float], ...]]
    by_hypothesis: Mapping[str, Mapping[str, float]]
    unanalysed: Mapping[str, int] = field(default_factory=dict)
    stopping: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    failed_people: int = 0
    notes: tuple[str, ...] = ()
    estimates: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    hypothesis_of: tuple[str, ...] = ()
    one: OneTrial | None = None
    replay: Mapping[str, Any] | None = None

    @property
    def contrast(self) -> Contrast | None:
        """The primary comparison at the largest size; None for a single arm."""
        return next((c for c in self.contrasts if c.arm == self.design.endpoint.arm), None)

    def to_dict(self) -> dict[str, Any]:
        """The object that `trial --json` prints."""
        d = self.design
        found: dict[str, Any] = {
            "design": {
                "id": d.id,
                "title": d.title,
                "study": d.study or None,
                "kind": d.kind,
                "setting": d.setting,
                "scale": d.scale,
                "arms": [
                    {"arm": a.name, "words": a.words, "repeat": a.repeat, "with": list(a.with_), "ratio": a.ratio}
                    for a in d.arms
                ],
                "comparator": d.comparator,
                "visits_day": [t / 24.0 for t in d.readings_h],
                "dropout": equation(d.dropout),
            },
            "seed": self.seed,
            "version": __version__,
            "sims": self.sims,
            "worlds": self.worlds,
            "null": self.null,
            "analysis": d.analysis.method,
            "estimand": self.estimand,
            "power": [_power(p) for p in self.power],
            "arms": [
                {
                    "arm": a.arm,
                    "n": a.n,
                    "visits": [vars_of(v) for v in a.visits],
                    "harm": dict(a.harm),
                    "correct_guess": a.correct_guess,
                }
                for a in self.arms
            ],
            "contrast": None if self.contrast is None else vars_of(self.contrast),
            "contrasts": [vars_of(c) | {"power": [_power(p) for p in self.powers[c.arm]]} for c in self.contrasts],
            "bias": {
                arm: {
                    key: dict(zip(("mean", "low", "high"), getattr(b, key), strict=True))
                    for key in ("true", "analysed", "held", "inert")
                }
                | {"told": b.told}
                for arm, b in self.bias.items()
            },
            "guess_curve": {
                arm: [{"share": s, "difference": x} for s, x in rows] for arm, rows in self.guess_curve.items()
            },
            "by_hypothesis": {h: dict(row) for h, row in self.by_hypothesis.items()},
            "analysis_details": details(d),
            "stopping": [{"n": n, "arms": dict(arms)} for n, arms in self.stopping.items()],
            "one_trial": None if self.one is None else self.one.to_dict(),
            "unanalysed": dict(self.unanalysed),
            "notes": list(self.notes),
            "notice": NOTICE,
            "replay": None if self.replay is None else dict(self.replay),
        }
        made = plain(found)
        assert isinstance(made, dict)
        return made

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as text; missing numbers are null."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    def report(self, path: str) -> str:
        """Write the report for a protocol's appendix, one self-contained HTML file; returns its place."""
        import importlib

        return str(importlib.import_module("ketasim.report.trial_page").write_page(self, path))

    def __repr__(self) -> str:
        power = ", ".join(f"n {p.n}: {100 * p.power:.0f} %" for p in self.power)
        return f"<TrialResult of {self.design.title!r}: {self.sims} replicates, seed {self.seed}; power {power or 'none, one arm'}>"


def details(d: Design) -> dict[str, Any]:
    """What the analysis was told, as plain data: nothing that its method does not read."""
    how, method = d.analysis, d.analysis.method
    found: dict[str, Any] = {"endpoint": d.endpoint.measure, "at_day": d.endpoint.at_h / 24.0, "method": method}
    found |= {"label": how.label, "alpha": how.alpha}
    if method == "mmrm":
        found["df"] = how.df
    if method in ("mmrm", "ancova", "imputation", "logistic"):
        found["covariates"] = list(how.covariates)
    if method in OF_STRATA:
        found["strata"] = list(how.strata)
    if method == "imputation":
        found |= {key: getattr(how, key) for key in ("imputation", "imputations", "shift")}
        found["reference"] = how.reference or d.comparator
    if method == "rmst":
        found["horizon_day"] = (how.horizon_h or d.endpoint.at_h - d.from_h) / 24.0
    if method in OF_SHARES:
        found["missing"] = how.missing
    for key in ("looks", "reestimation"):
        part = getattr(how, key)
        found[key] = None if part is None else {k: _listed(getattr(part, k)) for k in part.__dataclass_fields__}
    return found


def _listed(item: Any) -> Any:
    return list(item) if isinstance(item, tuple) else item


def _power(p: Power) -> dict[str, Any]:
    return {
        "n": p.n,
        "power": p.power,
        "mc_se": p.mc_se,
        "low": p.low,
        "high": p.high,
        "favour": p.favour,
        "analysed": p.analysed,
        "told": p.told,
    }


def vars_of(item: Any) -> dict[str, Any]:
    """A small dataclass as plain data."""
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def when(day: float) -> str:
    """A visit in words."""
    return words_of(day * 24.0)
