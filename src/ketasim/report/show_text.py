"""`ketasim show NAME`: a number, an output, a drug, a source, an equation, with where it comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping

from ketasim.chain.hypothesis import Hypothesis, hypotheses
from ketasim.core import Output, Source, Value, all_values, nearest, output_register, sources
from ketasim.core.drug_types import Drug, Route
from ketasim.core.drugs import drug_words, drugs
from ketasim.core.errors import UsageError
from ketasim.core.values import knowledge_path

from .words import clock, number

LISTS: Mapping[str, str] = {
    "drugs": "the drug catalogue",
    "outputs": "the outputs of a run",
    "settings": "the settings",
    "sources": "every source",
    "values": "every number",
    "experiments": "the virtual experiments",
    "hypotheses": "the hypotheses on how ketamine works",
    "compound": "an example of a user-defined compound",
    "whole": "the default chain on one page",
}


def show_text(name: str) -> str:
    """Everything the project knows under that name; an unknown name is a UsageError with the nearest ones."""
    asked = name.strip()
    if asked in LISTS:
        return _list(asked)
    found: list[str] = []
    for finder in (
        _find_hypothesis,
        _find_output,
        _find_drug,
        _find_value,
        _find_source,
        _find_study,
        _find_identifier,
    ):
        text = finder(asked)
        if text:
            found.append(text)
    if not found:
        raise _unknown(asked)
    return "\n\n".join(found)


# one thing ------------------------------------------------------------------------------------------------------------


def _find_hypothesis(name: str) -> str:
    found = hypotheses().get(name.lower())
    return hypothesis_text(found) if found else ""


def hypothesis_text(entry: Hypothesis) -> str:
    """A hypothesis: what it says, its mechanisms by stage, what it estimates, predicts, and what would refute it."""
    notes = [
        "the working default" if entry.default else "",
        "several mechanisms at once" if entry.mixture else "",
        "" if entry.drug_effect else "the drug itself does nothing for mood: all of the effect is expectancy",
    ]
    kind = "; ".join(["hypothesis", *(note for note in notes if note)])
    lines = [f"{entry.id}: {entry.title} ({kind})", *_wrapped(entry.says)]
    lines += [f"  {stage}: {' + '.join(names) or 'none'}" for stage, names in entry.variants.items()]
    lines += [f"  fixed: {key} = {number(new)}" for key, new in entry.values.items()]
    lines += [
        f"  estimated: {p.key}, prior median {number(p.median)} ({p.kind}, SD {number(p.sd)})"
        + (f"; {p.because}" if p.because else "")
        for p in entry.free
    ]
    lines += [f"  predicts: {text}" for text in entry.predicts]
    lines += [f"  refuted by: {text}" for text in entry.refuted_by]
    lines.append(f"  evidence: {', '.join(entry.records)}")
    lines += [f"  source: {_source_line(key)}" for key in entry.sources]
    return "\n".join([*lines, f"  run it: ketasim run WORDS --hypothesis {entry.id}; compare them all: ketasim weigh"])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ")


def _find_output(name: str) -> str:
    for entry in output_register().values():
        if name.lower() in {word.lower() for word in (entry.name, *entry.aliases)}:
            return output_text(entry)
    return ""


def output_text(entry: Output) -> str:
    """An output of the register: unit, site, scale, and the ports it is made of."""
    lines = [f"{entry.name} [{entry.unit}]: {entry.label} (output)"]
    facts = {
        "site": entry.site,
        "scale": entry.scale,
        "rater": entry.rater,
        "window": entry.window,
        "other names": ", ".join(entry.aliases),
        "given by": " + ".join(entry.ports) or "the observation model",
        "converted with": entry.molar_mass,
        "added": f"the person's resting {entry.resting}" if entry.resting else "",
        "shown with": ", ".join(entry.needs),
        "note": entry.note,
    }
    lines += [f"  {label}: {text}" for label, text in facts.items() if text]
    if entry.low is not None or entry.high is not None:
        low, high = (number(x) if x is not None else "open" for x in (entry.low, entry.high))
        lines.append(f"  range: {low} to {high}")
    return "\n".join(lines)


def _find_drug(name: str) -> str:
    for word, canonical in drug_words().items():
        if word.lower() == name.lower():
            return drug_text(drugs()[canonical])
    return ""


def drug_text(entry: Drug) -> str:
    """A drug of the catalogue: routes, studied range, approval, monitoring, source."""
    lines = [f"{entry.name}: {entry.label} ({entry.role})"]
    if entry.aliases:
        lines.append("  also called: " + ", ".join(entry.aliases))
    if entry.molar_mass:
        salt = f"; {entry.salt} salt {entry.salt_molar_mass:g} g/mol" if entry.salt_molar_mass else ""
        lines.append(f"  molar mass: {entry.molar_mass:g} g/mol, free base{salt}")
    lines.append(f"  source: {_source_line(entry.source)}, {entry.place}")
    if entry.note:
        lines.append(f"  note: {entry.note}")
    for way in entry.routes.values():
        studied = "; ".join(f"{low:g}-{high:g} {unit}" for unit, (low, high) in way.studied.items()) or "no range named"
        lines.append(
            f"  {way.name}: studied {studied}"
            + (f" ({way.studied_in})" if way.studied_in else "")
            + f"; kinetics from {way.data} data"
        )
        if way.default_duration and way.bolus_duration:
            lines.append(
                f"    'over 40 min' makes an infusion; without it the dose is a bolus of {clock(way.bolus_duration)}"
            )
        for a in way.approval:
            lines.append(f"    {a.jurisdiction}: {a.status}" + (f" ({a.use})" if a.use else ""))
        if entry.is_main:
            lines += [f"    {_benefit(way)}", *(f"    {form}: {_benefit(way.of(form))}" for form in way.formulations)]
        if way.anaesthetic:
            lines.append(f"    anaesthetises: {way.anaesthetic_place} ({way.anaesthetic_source})")
        if way.monitoring:
            lines.append(f"    watch: {way.monitoring}")
    return "\n".join(lines)


def _benefit(way: Route) -> str:
    """The controlled trials that bear a benefit, or why none is stated."""
    if way.untried():
        return f"no benefit is stated: {way.untried()}"
    return f"controlled trials in depression: {', '.join(way.controlled)}"


def _find_value(name: str) -> str:
    return "\n\n".join(value_text(v) for v in all_values() if name and name in (v.name, v.key, v.symbol))


def value_text(v: Value) -> str:
    """A number: value, unit, source, place, basis, grade, spread, and the equations that read it."""
    lines = [f"{v.name}" + (f" ({v.symbol})" if v.symbol else "") + f": {v.label}", f"  value: {v.value:g} {v.unit}"]
    if v.printed:
        lines.append(f"  as printed: {v.printed}")
    lines.append(f"  basis: {v.basis}; grade {v.grade} ({GRADES[v.grade]})")
    lines.append(f"  source: {_source_line(v.source)}")
    lines.append(f"  place: {v.place}")
    for label, spread in (("between people", v.between), ("uncertainty of the number", v.uncertain)):
        if spread is not None:
            size = f"{spread.low:g} to {spread.high:g}" if spread.kind == "loguniform" else f"SD {spread.sd:g}"
            lines.append(f"  {label}: {spread.kind}, {size}")
    if v.bounds:
        lines.append(f"  bounds: {v.bounds[0]:g} to {v.bounds[1]:g} {v.unit}")
    if v.records:
        lines.append("  evidence: " + ", ".join(v.records))
    if v.note:
        lines.append(f"  note: {v.note}")
    return "\n".join([*lines, *(f"  read by: {line}" for line in _readers(v.key))])


GRADES = {"A": "human, direct", "B": "human, indirect", "C": "animal or in vitro", "D": "assumed"}


def _readers(key: str) -> list[str]:
    from ketasim.chain import compose

    return [f"{e.text}    ({e.stage}/{e.file})" for e in compose().equations if key in e.uses][:6]


def _find_source(name: str) -> str:
    for key, source in sources().items():
        if key.lower() == name.lower():
            return source_text(source)
    return ""


def source_text(source: Source) -> str:
    """A source and the numbers that rest on it."""
    lines = [f"{source.key} ({source.kind}): {source}"]
    if source.url:
        lines.append(f"  {source.url}")
    numbers = [f"{v.name} = {v.value:g} {v.unit}" for v in all_values() if v.source == source.key]
    lines += [f"  {line}" for line in numbers] or ["  no number of the model rests on it"]
    return "\n".join(lines)


def _source_line(key: str) -> str:
    source = sources().get(key)
    return f"{source} [{key}]" if source else key


def _find_study(name: str) -> str:
    """A published study, or the one that holds a record."""
    from .study_text import study_text

    return study_text(name)


def _find_identifier(name: str) -> str:
    """An identifier of the composed model, in the default chain or in the first drug's chain that has it."""
    from ketasim.chain import DEFAULT_PARTS, compose, explain, registry

    if any(name == v.key for v in all_values()):
        return ""
    choices: list[tuple[str, ...]] = [DEFAULT_PARTS]
    known = registry().parts
    for part in known:
        choices.append(tuple(dict.fromkeys((*DEFAULT_PARTS, part))))
    for parts in choices:
        try:
            model = compose(parts)
        except UsageError:
            continue
        if name in model.defined:
            return "\n".join(explain(name, model).lines())
    return ""


# lists ----------------------------------------------------------------------------------------------------------------


def _list(name: str) -> str:
    makers: Mapping[str, Callable[[], Iterable[str]]] = {
        "drugs": lambda: (f"{d.name}: {d.label}; by {', '.join(d.routes)}" for d in drugs().values()),
        "outputs": lambda: (f"{e.name} [{e.unit}]: {e.label}" for e in output_register().values()),
        "settings": _settings,
        "sources": lambda: (f"{key}: {source}" for key, source in sources().items()),
        "values": lambda: (
            f"{v.name} = {v.value:g} {v.unit}  ({v.basis}, {v.grade}, {v.source})" for v in all_values()
        ),
        "experiments": _experiments,
        "hypotheses": lambda: (
            f"{h.id}: {h.title}" + (" (the working default)" if h.default else "") for h in hypotheses().values()
        ),
        "compound": lambda: [(knowledge_path() / "compound_example.toml").read_text(encoding="utf-8")],
        "whole": _whole,
    }
    return "\n".join(makers[name]())


def _settings() -> Iterable[str]:
    from ketasim.ratings.setting import SETTINGS

    return (f"{s.name}: {s.label}" for s in SETTINGS.values())


def _experiments() -> Iterable[str]:
    from .experiment_text import experiment_list

    return [experiment_list()]


def _whole() -> Iterable[str]:
    from ketasim.chain import compose

    return [compose().antimony]


def _unknown(name: str) -> UsageError:
    from .study_text import study_names

    known = [
        *(word for e in output_register().values() for word in (e.name, *e.aliases)),
        *drug_words(),
        *(v.key for v in all_values()),
        *sources(),
        *hypotheses(),
        *study_names(),
        *LISTS,
    ]
    near = nearest(name, known, 5)
    lists = "; ".join(f"show {word}: {what}" for word, what in LISTS.items())
    return UsageError(
        f"nothing is called '{name}'",
        where=f"ketasim show {name}",
        allowed="did you mean " + ", ".join(near) + "?" if near else lists,
        fix=f"ketasim show {near[0] if near else 'outputs'}",
    )
