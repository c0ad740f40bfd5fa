"""What the page knows beside the runs: drugs, outputs, every number with its source, the grade of each step of the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any

import ketasim
from ketasim.chain.hypothesis import hypotheses
from ketasim.core import (
    KetasimError,
    Value,
    all_values,
    knowledge_path,
    output_register,
    read_toml,
    sources,
    value,
)
from ketasim.core.drugs import drugs
from ketasim.core.records import NOTICE
from ketasim.core.values import GRADES
from ketasim.evidence.published.studies import studies
from ketasim.ratings.setting import SETTINGS
from ketasim.report.glossary import glossary
from ketasim.report.guide import crisis
from ketasim.report.show_text import GRADES as GRADE_WORDS
from ketasim.report.show_text import show_text
from ketasim.report.study_text import study_name, study_of
from ketasim.scenario.experiments import experiments
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.result import plain
from ketasim.scenario.run import parameters_of

from .own import own_list

FIRST_WORDS = "ketamine iv 0.5 mg/kg over 40 min"  # the course that the page begins with
# the arrows of the chain: from, to, and the stage whose numbers carry the step
ARROWS = (
    ("dose", "plasma", "plasma"),
    ("plasma", "receptors", "receptors"),
    ("receptors", "glutamate", "circuit"),
    ("glutamate", "synapses", "plasticity"),
    ("synapses", "mood", "mood"),
)
# parts of the package that the page shows as soon as a version has them
LATER = {"check": "ketasim.evidence.compare.scorecard", "claims": "ketasim.decide.claims"}


@cache
def drug_list() -> list[dict[str, Any]]:
    """The catalogue: routes with studied ranges, approval and monitoring."""
    return [
        {
            "name": d.name,
            "label": d.label,
            "role": d.role,
            "source": d.source,
            "place": d.place,
            "note": d.note,
            "routes": [
                {
                    "name": w.name,
                    "forms": list(w.forms),
                    "duration_h": w.default_duration,
                    "data": w.data,
                    "studied": {unit: list(ends) for unit, ends in w.studied.items()},
                    "studied_in": w.studied_in,
                    "approval": [asdict(a) for a in w.approval],
                    "monitoring": w.monitoring,
                    "note": w.note,
                }
                for w in d.routes.values()
            ],
        }
        for d in drugs().values()
    ]


@cache
def output_list() -> list[dict[str, Any]]:
    """The register of output names."""
    keys = (
        "name",
        "unit",
        "label",
        "stage",
        "site",
        "scale",
        "rater",
        "window",
        "needs",
        "low",
        "high",
        "note",
        "caveat",
    )
    return [{key: plain(getattr(entry, key)) for key in keys} for entry in output_register().values()]


def value_entry(v: Value) -> dict[str, Any]:
    """A number of the model with everything needed to judge it."""
    source = sources().get(v.source)
    entry: dict[str, Any] = plain(
        {
            "name": v.name,
            "stage": v.stage,
            "label": v.label,
            "symbol": v.symbol,
            "value": v.value,
            "unit": v.unit,
            "printed": v.printed,
            "basis": v.basis,
            "mark": v.mark,
            "grade": v.grade,
            "grade_words": GRADE_WORDS[v.grade],
            "source": v.source,
            "place": v.place,
            "citation": source.citation if source else "",
            "doi": source.doi if source else "",
            "url": source.url if source else "",
            "kind": source.kind if source else "",
            "records": list(v.records),
            "between": asdict(v.between) if v.between else None,
            "uncertain": asdict(v.uncertain) if v.uncertain else None,
            "bounds": list(v.bounds) if v.bounds else None,
            "note": v.note,
        }
    )
    return entry


@cache
def value_list() -> list[dict[str, Any]]:
    """Every number: assumed ones first, then by grade from the weakest."""
    order = {"placeholder": 0, "assumed": 1, "derived": 2, "measured": 3}
    found = sorted(all_values(), key=lambda v: (order[v.basis], -GRADES.index(v.grade), v.name))
    return [value_entry(v) for v in found]


OFF_THE_PATH = ("ideation_",)  # suicidal thoughts are an outcome of their own, not a step on the way to mood


def links_of(asked: Scenario) -> list[dict[str, Any]]:
    """Per arrow of the chain, of the numbers that this scenario's way to mood uses: how many have which grade, the middle grade, and the weakest arrow.

    The letter of an arrow is their median grade; the weakest arrow is the one with the largest share of grade D (assumed). Numbers of
    other drugs, of pathways that are switched off and of other outcomes do not count.
    """
    used = [v for v in parameters_of(asked).values() if not v.name.rpartition(".")[2].startswith(OFF_THE_PATH)]
    found: list[dict[str, Any]] = []
    for begin, end, stage in ARROWS:
        grades = sorted(v.grade for v in used if v.stage == stage)
        if not grades:
            continue
        counts: Counter[str] = Counter(grades)
        found.append(
            {
                "from": begin,
                "to": end,
                "stage": stage,
                "grade": grades[len(grades) // 2],
                "words": GRADE_WORDS[grades[len(grades) // 2]],
                "counts": {grade: counts.get(grade, 0) for grade in GRADES},
                "assumed": counts.get("D", 0) / len(grades),
                "weakest": False,
            }
        )
    if found:
        max(found, key=lambda link: link["assumed"])["weakest"] = True
    return found


@cache
def chain_links() -> list[dict[str, Any]]:
    """`links_of` the course that the page begins with."""
    return links_of(scenario(FIRST_WORDS, people=0))


@cache
def hypothesis_list() -> list[dict[str, Any]]:
    """The explanations under which a course can be looked at; the working default first."""
    found = sorted(hypotheses().values(), key=lambda h: not h.default)
    return [{"name": h.id, "label": h.title, "default": h.default} for h in found]


@cache
def experiment_list() -> list[dict[str, Any]]:
    """The virtual experiments before they are carried out."""
    return [
        {
            "name": p.name,
            "title": p.title,
            "asks": p.asks,
            "records": list(p.records),
            "shown": [name for name in p.records if study_name(name)],
            "assumption": p.assumption,
            "says": [e.says for e in p.expect],
            "arms": list(p.arms),
        }
        for p in experiments().values()
    ]


def catalogue() -> dict[str, Any]:
    """Everything the page needs before its first run."""
    return {
        "version": ketasim.__version__,
        "notice": NOTICE,
        "crisis": crisis(),
        "drugs": drug_list(),
        "outputs": output_list(),
        "links": chain_links(),
        "settings": [{"name": s.name, "label": s.label} for s in SETTINGS.values()],
        "hypotheses": hypothesis_list(),
        "own": own_list(),
        "experiments": experiment_list(),
        "has": {verb: _there(module) for verb, module in LATER.items()} | {"weigh": _calibrated()},
        **page_choices(),
        "baseline": value("typical_madrs").value,
        "weight": value("typical_weight").value,
        "age": value("typical_age").value,
        "numbers": len(value_list()),
        "traced": sum(v["basis"] in ("measured", "derived") for v in value_list()),
    }


def page_choices() -> dict[str, Any]:
    """What the controls start from and offer: usual doses, co-medication, schedules (knowledge/page.toml)."""
    table = read_toml(knowledge_path() / "page.toml")
    return {key: table[key] for key in ("start", "added", "repeats")}


def shown(name: str) -> dict[str, Any]:
    """What `ketasim show` prints, and where it is a number its entry too. Raises UsageError for an unknown name."""
    text = show_text(name)
    study = study_of(name)
    found: dict[str, Any] = {"name": name, "text": text, "value": None, "doi": study.doi if study else ""}
    try:
        return found | {"value": value_entry(value(name))}
    except KetasimError:
        return found


def _there(name: str) -> bool:
    """True if this version has that module."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@cache
def glossary_list() -> list[dict[str, Any]]:
    """The words of the page and what they mean."""
    return [{"word": t.word, "also": list(t.also), "text": t.text} for t in glossary().values()]


@cache
def study_list() -> list[dict[str, Any]]:
    """The published studies with numbers of their own, by name."""
    found = [
        {
            "name": s.id,
            "citation": s.citation,
            "population": s.population,
            "design": s.design_text or s.design,
            "people": s.n,
            "numbers": len(s.rows),
        }
        for s in studies().values()
    ]
    return list(plain(sorted(found, key=lambda entry: str(entry["name"]))))


def observed_beside(asked: Scenario) -> list[dict[str, Any]]:
    """`ketasim.evidence.published.observed` of a scenario, as plain data."""
    from ketasim.evidence.published.observed import observed

    return [plain(asdict(point)) for point in observed(asked)]


@cache
def claim_list() -> list[dict[str, Any]]:
    """The claims ledger: claims, evidence, verdicts; predictions by their words, not yet carried out."""
    from ketasim.decide import claims

    found = []
    for c in claims.ledger():
        entry = {
            **claims.Evaluated(c, ()).to_dict(),
            "predictions": [{"label": p.label, "says": p.says, "unit": p.unit} for p in c.predictions],
        }
        entry["shown"] = sorted(
            {
                name
                for e in entry["evidence"]
                for name in (*e["records"], *e["sources"])
                if name in sources() or study_name(name)
            }
        )
        found.append(entry)
    return found


@lru_cache(maxsize=128)
def claim_played(name: str, people: int, seed: int) -> dict[str, Any]:
    """One claim with its predictions carried out. Raises UsageError for an unknown name."""
    from ketasim.decide import claims

    return claims.evaluate(claims.claim(name), people=people, seed=seed).to_dict()


@lru_cache(maxsize=1)
def scorecard() -> str:
    """What `ketasim check --json` prints."""
    from ketasim.evidence.fit.check import card_of

    return card_of().to_json()


def _calibrated() -> bool:
    """True if calibrations of at least two hypotheses rest on the same evidence, so that they can be set side by side."""
    if not _there("ketasim.evidence.weigh.weighing"):
        return False
    from ketasim.evidence.weigh.weighing import comparable

    try:
        return len(comparable()) > 1
    except KetasimError:  # not even that of the working default ships
        return False


def weighed(prior: Mapping[str, float], animals: bool, without: Sequence[str]) -> dict[str, Any]:
    """What `ketasim weigh --json` prints. Raises KetasimError while no calibration ships."""
    from ketasim.evidence.weigh.weighing import weigh

    return dict(plain(weigh(dict(prior) or None, animals=animals, without=tuple(without)).to_dict()))


def separating(names: Sequence[str], budget: int) -> dict[str, Any]:
    """What `ketasim next-study --json` prints. Raises KetasimError while no calibration ships."""
    from ketasim.decide.next_study import next_study

    return dict(plain(next_study(*names, budget=budget).to_dict()))
