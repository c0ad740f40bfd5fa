"""`ketasim lint`: every problem of the knowledge and of the chain at once, and every number that is only assumed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ketasim.core import KetasimError, Problem, Value, all_values, knowledge_path, output_register, read_toml, sources
from ketasim.core.drugs import drugs
from ketasim.core.values import OWN_FIT_GRADE

MEMORY_GRADE = "C"
CHAIN_STAGES = ("plasma", "receptors", "circuit", "plasticity", "mood", "body")


@dataclass(frozen=True, slots=True)
class Findings:
    """errors make lint fail; assumed are reported, in every report, but are no failure; count of all numbers."""

    errors: tuple[Problem, ...]
    assumed: tuple[Value, ...]
    count: int
    traced: int


def problems() -> Findings:
    """Everything that can be found without running the model, in one list."""
    found: list[Problem] = []
    try:
        numbers = list(all_values())
    except KetasimError as error:
        return Findings((Problem(error.where or "knowledge/values", error.what, error.fix),), (), 0, 0)
    for check in (_values, _unused, _drugs, _outputs, _studies, _chain, _claims, _hypotheses):
        try:
            found += check(numbers)
        except KetasimError as error:
            found.append(Problem(error.where or "knowledge", error.what, error.fix))
    assumed = tuple(v for v in numbers if v.basis == "assumed")
    traced = sum(v.basis in ("measured", "derived") for v in numbers)
    return Findings(tuple(dict.fromkeys(found)), assumed, len(numbers), traced)


def _values(numbers: list[Value]) -> list[Problem]:
    """Untraced numbers: no known source, placeholders, records nobody has, identifiers used twice."""
    found: list[Problem] = []
    known, records = sources(), _records()
    seen: dict[str, str] = {}
    for v in numbers:
        where = f"knowledge/values/{v.stage}.toml, [{v.key}]"
        if v.source not in known:
            found.append(
                Problem(where, f"the source {v.source} is not in knowledge/sources", f"[{v.source}] citation = ...")
            )
        if v.basis == "placeholder":
            found.append(
                Problem(where, "a placeholder: a number that nobody has measured, derived or assumed with a reason")
            )
        if v.key in seen:
            found.append(Problem(where, f"the identifier is used in {seen[v.key]} too"))
        seen[v.key] = where
        missing = [record for record in v.records if record not in records]
        if missing:
            found.append(Problem(where, "evidence records that no study has: " + ", ".join(missing)))
        found += [Problem(where, what, fix) for what, fix in _claims_too_much(v)]
    return found


def _claims_too_much(v: Value) -> list[tuple[str, str]]:
    """(what, fix) where basis or grade say more than the number has: a fit of our own above grade C, memory called a measurement."""
    found = []
    entry = sources().get(v.source)
    if v.basis == "derived" and entry is not None and entry.kind == "own" and v.grade < OWN_FIT_GRADE:
        found.append(
            (
                f"derived by a fit of our own ({v.source}): grade {OWN_FIT_GRADE} at best, not {v.grade}",
                f'grade = "{OWN_FIT_GRADE}"',
            )
        )
    if "memory" in v.place and v.basis == "measured":
        found.append(("'measured', but from memory: nobody has seen that number again", 'basis = "assumed"'))
    if "memory" in v.place and v.grade < MEMORY_GRADE:
        found.append((f"from memory: grade {MEMORY_GRADE} at best, not {v.grade}", f'grade = "{MEMORY_GRADE}"'))
    return found


def _records() -> set[str]:
    """Every evidence record that roles.toml knows."""
    groups = read_toml(knowledge_path() / "studies" / "roles.toml")
    return {
        record
        for kind in groups.values()
        if isinstance(kind, dict)
        for study in kind.values()
        for record in study.get("records", ())
    }


def _unused(numbers: list[Value]) -> list[Problem]:
    """Values that are kept beside those of the stages and that neither an equation nor a Python text mentions."""
    words = _words_of_the_package()
    return [
        Problem(f"knowledge/values/{v.stage}.toml, [{v.key}]", "nothing uses this value", "delete it")
        for v in numbers
        if v.stage not in CHAIN_STAGES and not any(tail in words for tail in _tails(v.key))
    ]


def _words_of_the_package() -> set[str]:
    package = Path(__file__).resolve().parent.parent
    words: set[str] = set()
    for pattern in ("*.py", "*.ant", "knowledge/names.toml"):
        for path in package.rglob(pattern):
            words.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    return words


def _tails(key: str) -> list[str]:
    """The key, and what is left of it without its first words: a copied file names `clearance` for `midazolam_clearance`."""
    parts = key.split("_")
    return ["_".join(parts[i:]) for i in range(len(parts))]


def _drugs(_: list[Value]) -> list[Problem]:
    """Drugs whose sources or evidence records nobody has."""
    found: list[Problem] = []
    known, records = sources(), _records()
    for entry in drugs().values():
        where = f"knowledge/drugs/{entry.name}.toml"
        cited = {entry.source, *(a.source for way in entry.routes.values() for a in way.approval)}
        cited = (cited | {way.anaesthetic_source for way in entry.routes.values()}) - {""}
        found += [Problem(where, f"the source {s} is not in knowledge/sources") for s in sorted(cited - set(known))]
        named = {r for way in entry.routes.values() for r in (*way.records, *way.monitoring_records, *way.controlled)}
        named |= {
            r for way in entry.routes.values() for f in way.formulations.values() for r in (*f.records, *f.controlled)
        }
        named |= {r for way in entry.routes.values() for a in way.approval for r in a.records}
        missing = sorted(named - records)
        if missing:
            found.append(Problem(where, "evidence records that no study has: " + ", ".join(missing)))
    return found


def _outputs(_: list[Value]) -> list[Problem]:
    """Outputs whose ports no stage has, or whose unit does not follow from the ports."""
    from ketasim.chain import registry

    known = registry()
    found = []
    for entry in output_register().values():
        where = f"knowledge/names.toml, [{entry.name}]"
        for port in entry.ports:
            if port not in known.ports:
                found.append(Problem(where, f"no stage has the port {port}"))
            elif entry.molar_mass and known.ports[port].unit != "umol/L":
                found.append(Problem(where, f"{port} is in {known.ports[port].unit} and cannot become {entry.unit}"))
            elif not entry.molar_mass and entry.unit == "ng/mL":
                found.append(
                    Problem(where, "a concentration needs the molar mass of its substance", 'molar_mass = "drug:NAME"')
                )
        for part in entry.needs:
            if part not in known.parts:
                found.append(Problem(where, f"no part is called {part}"))
    return found


def _studies(_: list[Value]) -> list[Problem]:
    """Study folders: words, units, scales, sources, numbers counted twice."""
    from ketasim.evidence.published.studies import lint_studies

    return [Problem(f"knowledge/studies/{p.where}", p.what, p.fix) for p in lint_studies()]


def own_study_problems(directory: Path) -> Findings:
    """Every problem of the study folders in a user's directory. Raises `KetasimError` if there is none."""
    from ketasim.evidence.published.studies import lint_studies, own_folders

    folders = own_folders(directory)
    errors = tuple(Problem(f"{directory}: {p.where}", p.what, p.fix) for p in lint_studies(folders, own=True))
    return Findings(errors, (), len(folders), len(folders))


def own_text(found: Findings) -> str:
    """The findings in studies of one's own as text."""
    lines = [f"{len(found.errors)} problem{'' if len(found.errors) == 1 else 's'} in {found.count} studies of your own"]
    return "\n".join([lines[0] + (":" if found.errors else "."), *(f"  {finding}" for finding in found.errors)])


def _hypotheses(numbers: list[Value]) -> list[Problem]:
    """Hypotheses with free values that do nothing, twins, more or fewer than one default."""
    from ketasim.chain.hypothesis import lint_hypotheses

    return lint_hypotheses()


def _chain(_: list[Value]) -> list[Problem]:
    """The chain's own lint: declarations, files, links, strict units, values that no equation reads."""
    from ketasim.chain.lint import lint

    return lint()


def _claims(_: list[Value]) -> list[Problem]:
    """The claims ledger: records nobody has, missing entries, verdicts, predictions that cannot be carried out."""
    from ketasim.decide.claims import lint_claims

    return lint_claims()


def lint_text(found: Findings, list_assumed: bool = True) -> str:
    """The findings as text: errors first, then what is assumed."""
    lines = [f"{len(found.errors)} problem{'' if len(found.errors) == 1 else 's'}" + (":" if found.errors else ".")]
    lines += [f"  {finding}" for finding in found.errors]
    share = found.traced / found.count if found.count else 0.0
    lines += [
        "",
        f"{found.count} numbers, {found.traced} measured or derived ({100 * share:.0f} %), {len(found.assumed)} assumed"
        + (":" if list_assumed else "."),
    ]
    if list_assumed:
        lines += [f"  {v.name} = {v.value:g} {v.unit}: {v.label}" for v in found.assumed]
    return "\n".join(lines)
