"""Hypotheses: each a file that picks variants of the stages, names what is free, what it predicts and what would refute it.

`hypothesis("opioid-gate")` reads `knowledge/hypotheses/opioid-gate.toml`. A free number has a prior: that of its value
(`uncertain`), or a wider one written in the file with its reason. All work on parameters happens on standard normal scores z:
  lognormal  x = m exp(s z);  normal  x = m + s z;  logitnormal  x = 1 / (1 + exp(-(logit m + s z)))
and is held within the bounds of the value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ketasim.core import KetasimError, Problem, knowledge_path, nearest, read_toml, sources, unknown_name, value
from ketasim.core.own import own_files
from ketasim.core.values import starting_value

from .compose import DEFAULT_PARTS, compose
from .registry import chosen_variants, registry

SHARED = "shared"
_FIELDS = frozenset(
    (
        "title",
        "says",
        "mixture",
        "default",
        "drug_effect",
        "records",
        "sources",
        "predicts",
        "refuted_by",
        "paths",
        "variants",
        "values",
        "free",
    )
)
_NEEDED = ("title", "says", "variants", "predicts", "refuted_by", "records", "sources", "paths")
_KINDS = ("lognormal", "normal", "logitnormal")

JOINT = ("circuit", "plasticity", "mood")
"""The stages in which hypotheses may differ; a model with every variant of these at once serves all of them."""


def switches() -> dict[tuple[str, str], tuple[str, ...]]:
    """(stage, variant) -> the values that, set to 0, take it out of the joint model: `switch` of its files in stage.py."""
    return {
        (name, variant): keys
        for name in JOINT
        for variant, fragments in registry().stages[name].fragments.items()
        if (keys := tuple(key for fragment in fragments for key in fragment.switch))
    }


def without_switch(entries: Iterable[Hypothesis]) -> list[Problem]:
    """Mechanisms that some of these hypotheses have and others do not, and that nothing can switch off.

    In the joint model such a mechanism would be on under every hypothesis, in silence.
    """
    known, table = registry(), switches()
    entries = list(entries)
    picks = {entry.id: chosen_variants(known, entry.variants) for entry in entries}
    found = []
    for name in JOINT:
        for variant in known.stages[name].fragments:
            users = [key for key, chosen in picks.items() if variant in chosen[name]]
            if variant != "none" and users and len(users) < len(picks) and (name, variant) not in table:
                file = known.stages[name].fragments[variant][0].file
                found.append(
                    Problem(
                        f"stages/{name}/stage.py",
                        f"the mechanism {variant} belongs to {', '.join(users)} and not to the others, "
                        "but has no switch: in a model with every variant it could not be off",
                        f'Fragment("{file}", ..., switch=("ITS_WEIGHT",))   # the value that is 0 when it is off',
                    )
                )
    for entry in entries:
        for name in entry.variants:
            if name not in JOINT and picks[entry.id][name] != known.stages[name].default:
                found.append(
                    Problem(
                        f"knowledge/hypotheses/{entry.id}.toml",
                        f"picks variants of the stage {name}; hypotheses differ in {', '.join(JOINT)} only",
                    )
                )
    return found


@dataclass(frozen=True, slots=True)
class Prior:
    """Prior of one free value on its own scale; `because` says why it differs from the value's own spread."""

    key: str
    median: float
    kind: str
    sd: float
    bounds: tuple[float, float] = (-np.inf, np.inf)
    because: str = ""

    def natural(self, z: float | np.ndarray) -> np.ndarray:
        """The value at the standard normal score z (any shape)."""
        score = np.asarray(z, dtype=float)
        if self.kind == "lognormal":
            found = self.median * np.exp(self.sd * score)
        elif self.kind == "normal":
            found = self.median + self.sd * score
        else:
            found = 1.0 / (1.0 + (1.0 / self.median - 1.0) * np.exp(-self.sd * score))
        return np.clip(found, *self.bounds)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One explanation. variants : stage -> mechanisms; values : fixed numbers that differ from the shipped ones; free : priors.

    drug_effect : False if no dose of the drug itself can move mood. mixture : several mechanisms at once.
    """

    id: str
    title: str
    says: str
    variants: Mapping[str, tuple[str, ...]]
    values: Mapping[str, float]
    free: tuple[Prior, ...]
    predicts: tuple[str, ...]
    refuted_by: tuple[str, ...]
    records: tuple[str, ...]
    sources: tuple[str, ...]
    mixture: bool = False
    default: bool = False
    drug_effect: bool = True

    @property
    def free_keys(self) -> tuple[str, ...]:
        """Names of the free values, in order."""
        return tuple(prior.key for prior in self.free)

    def numbers(self, z: Sequence[float] | np.ndarray | None = None) -> dict[str, float]:
        """Fixed values and, at the scores z (None: prior medians), the free ones."""
        scores = np.zeros(len(self.free)) if z is None else np.asarray(z, dtype=float)
        if scores.shape != (len(self.free),):
            raise KetasimError(f"{self.id} has {len(self.free)} free values, not {scores.shape}")
        return dict(self.values) | {p.key: float(p.natural(s)) for p, s in zip(self.free, scores, strict=True)}

    def calibrated(self) -> dict[str, float]:
        """Fixed values and the calibrated free ones (prior medians where no calibration ships)."""
        return self.numbers(calibrated_scores(self))

    def switched_off(self) -> dict[str, float]:
        """Numbers that make a model with every variant (`union_variants`) behave as this hypothesis."""
        missing = without_switch((*(e for e in hypotheses().values() if e.id != self.id), self))
        if missing:
            raise KetasimError(missing[0].what, where=missing[0].where, fix=missing[0].fix)
        chosen, table = chosen_variants(registry(), self.variants), switches()
        on = {key for (stage, name), keys in table.items() if name in chosen[stage] for key in keys}
        return {key: 0.0 for keys in table.values() for key in keys if key not in on}

    def computes(self, port: str) -> bool:
        """True if the hypothesis says something about this port (otherwise: no prediction)."""
        return port in _composition(self.id).outputs


def posterior_path(name: str) -> Path:
    """Where the calibration of a hypothesis ships; that of one of one's own lies beside its folder."""
    for path in own_files("hypotheses"):
        if path.stem == name:
            return path.parent.parent / "posterior" / "hypotheses" / f"{name}.json"
    return knowledge_path() / "posterior" / "hypotheses" / f"{name}.json"


def calibrated_scores(entry: Hypothesis) -> np.ndarray:
    """Scores z of the calibrated free values; 0 for a value that the shipped calibration does not know."""
    path = posterior_path(entry.id)
    found = json.loads(path.read_text(encoding="utf-8"))["mode"] if path.exists() else {}
    return np.array([float(found.get(key, 0.0)) for key in entry.free_keys])


@cache
def _composition(name: str):  # type: ignore[no-untyped-def]
    return compose(DEFAULT_PARTS, dict(hypothesis(name).variants))


def union_variants() -> dict[str, tuple[str, ...]]:
    """Every variant that any hypothesis picks, at once; with `Hypothesis.switched_off` one compiled model serves all of them."""
    known = registry()
    found = {}
    for stage in JOINT:
        wanted = {name for entry in hypotheses().values() for name in chosen_variants(known, entry.variants)[stage]}
        found[stage] = tuple(name for name in known.stages[stage].fragments if name in wanted and name != "none")
    return found


@cache
def union_keys() -> tuple[str, ...]:
    """Every value that some hypothesis frees, fixes or switches."""
    own = {key for entry in hypotheses().values() for key in (*entry.free_keys, *entry.values)}
    return tuple(sorted(own | {key for keys in switches().values() for key in keys}))


def _prior(key: str, table: Mapping[str, Any], where: str) -> Prior:
    number = starting_value(key)
    unknown = set(table) - {"kind", "sd", "median", "because"}
    if unknown:
        raise unknown_name("entry of a prior", sorted(unknown)[0], ("kind", "sd", "median", "because"), where=where)
    own = number.uncertain
    if table and not table.get("because"):
        raise KetasimError(
            f"the prior of {key} differs from that of its value without a reason", where=where, fix='because = "..."'
        )
    kind = table.get("kind", own.kind if own else "")
    sd = float(table.get("sd", own.sd if own else 0.0))
    if kind not in _KINDS or not sd > 0:
        raise KetasimError(
            f"the free value {key} has no prior",
            where=where,
            allowed=f"kind {' | '.join(_KINDS)} and sd above 0, here or as `uncertain` of the value",
            fix=f'{key} = {{ kind = "lognormal", sd = 0.5, because = "..." }}',
        )
    median = float(table.get("median", number.value))
    if (kind == "lognormal" and median <= 0) or (kind == "logitnormal" and not 0 < median < 1):
        raise KetasimError(
            f"a {kind} prior of {key} cannot have the median {median:g}", where=where, fix="median = ..."
        )
    return Prior(key, median, kind, sd, number.bounds or (-np.inf, np.inf), str(table.get("because", "")))


def parameter_prior(key: str) -> Prior:
    """The prior of a value that no hypothesis frees: its own spread."""
    return _prior(key, {}, f"prior of {key}")


def read_hypothesis(name: str, table: Mapping[str, Any], shared: Mapping[str, Any]) -> Hypothesis:
    """A hypothesis from its table; unknown fields, stages, variants and values are errors that teach."""
    where = f"knowledge/hypotheses/{name}.toml"
    for key in table:
        if key not in _FIELDS:
            raise unknown_name("field", key, _FIELDS, where=where)
    for key in _NEEDED:
        if key not in table:
            raise KetasimError(f"the hypothesis has no {key}", where=where, fix=f"{key} = ...")
    variants = {
        stage: (names,) if isinstance(names, str) else tuple(names) for stage, names in table["variants"].items()
    }
    chosen_variants(registry(), variants)
    for key in table["sources"]:
        if key not in sources():
            raise unknown_name("source", key, sources(), where=where)
    for key in table["paths"]:
        if key not in shared["paths"]:
            raise unknown_name("path to mood", key, shared["paths"], where=where)
    entries = dict(shared["free"]) | {key: shared["paths"][key] for key in table["paths"]} | dict(table.get("free", {}))
    return Hypothesis(
        id=name,
        title=table["title"],
        says=table["says"],
        variants=MappingProxyType(variants),
        values=MappingProxyType({key: float(v) for key, v in table.get("values", {}).items() if value(key)}),
        free=tuple(_prior(key, entry, where) for key, entry in entries.items()),
        predicts=tuple(table["predicts"]),
        refuted_by=tuple(table["refuted_by"]),
        records=tuple(table["records"]),
        sources=tuple(table["sources"]),
        mixture=bool(table.get("mixture", False)),
        default=bool(table.get("default", False)),
        drug_effect=bool(table.get("drug_effect", True)),
    )


def same_model(first: Hypothesis, second: Hypothesis) -> bool:
    """True if two hypotheses compile to the same equations with the same fixed numbers: only priors would differ, and that is no second hypothesis."""
    texts = [compose(DEFAULT_PARTS, dict(entry.variants)).hash for entry in (first, second)]
    return texts[0] == texts[1] and dict(first.values) == dict(second.values)


@cache
def hypotheses() -> Mapping[str, Hypothesis]:
    """Every hypothesis of knowledge/hypotheses, by name: pure ones first, then mixtures."""
    folder = knowledge_path() / "hypotheses"
    shared = read_toml(folder / f"{SHARED}.toml")
    shipped = [p for p in sorted(folder.glob("*.toml")) if p.stem != SHARED]
    own = own_files("hypotheses")
    for path in own:
        if path.stem in {p.stem for p in shipped}:
            raise KetasimError(f"the package has a hypothesis {path.stem} already", where=str(path))
    found = [read_hypothesis(p.stem, read_toml(p), shared) for p in (*shipped, *own)]
    found.sort(key=lambda entry: (entry.drug_effect, entry.mixture, entry.id))
    return MappingProxyType({entry.id: entry for entry in found})


def hypothesis(name: str) -> Hypothesis:
    """The hypothesis of that name; an unknown one is a UsageError with the nearest names."""
    if name not in hypotheses():
        raise unknown_name(
            "hypothesis",
            name,
            hypotheses(),
            where=f"hypothesis '{name}'",
            fix="".join(nearest(name, hypotheses(), 1)),
        )
    return hypotheses()[name]


def default_hypothesis() -> Hypothesis:
    """The working default."""
    return next(entry for entry in hypotheses().values() if entry.default)


def lint_hypotheses(entries: Sequence[Hypothesis] | None = None) -> list[Problem]:
    """Everything wrong with the hypotheses: free values without effect on their own model, twins, no or two defaults."""
    known = list(hypotheses().values()) if entries is None else list(entries)
    found = []
    stages = ("setting", "observation", "mood", "evidence")
    for entry in known:
        where = f"knowledge/hypotheses/{entry.id}.toml"
        has = compose(DEFAULT_PARTS, dict(entry.variants)).parameters
        for key in (*entry.free_keys, *entry.values):
            if key not in has and value(key).stage not in stages:
                found.append(
                    Problem(
                        where,
                        f"{key} has no part in the equations of this hypothesis",
                        "remove it, or pick the variant that uses it",
                    )
                )
    for i, first in enumerate(known):
        for second in known[i + 1 :]:
            if same_model(first, second):
                found.append(
                    Problem(
                        f"knowledge/hypotheses/{second.id}.toml",
                        f"the same equations and fixed numbers as {first.id}: nothing could tell them apart",
                        "pick another variant, or remove one of the two",
                    )
                )
    found += without_switch(known)
    if sum(entry.default for entry in known) != 1:
        found.append(
            Problem(
                "knowledge/hypotheses", "exactly one hypothesis is the working default", "default = true in one file"
            )
        )
    return found
