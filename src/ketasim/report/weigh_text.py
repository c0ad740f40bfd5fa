"""The comparison of hypotheses in plain sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence

from ketasim.core.posterior import FEW_DRAWS
from ketasim.core.records import NOTICE
from ketasim.evidence.weigh.weighing import Weighing

from .words import table

MOST_SWINGS = 6
MANY = 3  # a group of more than this is a finding of its own


def weigh_text(found: Weighing, every_study: bool = False) -> str:
    """The table, what supports what, the largest swings, what is not distinguishable."""
    animals = "animals and imaging included" if found.animals else "animal evidence switched off"
    lines = [
        f"{len(found.rows)} hypotheses on {len(found.studies)} studies of role fit ({animals}"
        + (f"; without {', '.join(found.without)}" if found.without else "")
        + ").",
        NOTICE,
        "",
        "Log evidence: higher is better, +-SE of the computation. Weight: prior times evidence, normalised. Stacking: the mixture that predicts left-out",
        f"studies best. {_held_words(len(found.held_names))}",
        "",
    ]
    best = max(r.held_out for r in found.rows)
    rows = [
        [
            r.entry.id,
            str(len(r.entry.free)),
            f"{r.log_evidence:.1f} +-{r.log_evidence_se:.1f}" + ("?" if r.effective < FEW_DRAWS else ""),
            f"{r.prior:.2f}",
            _share(r.weight),
            _share(r.stacking),
            f"{r.loo:.1f}",
            f"{r.held_out - best:.1f}" if found.held_names else "-",
        ]
        for r in found.rows
    ]
    lines += [
        f"  {line}"
        for line in table(
            [
                "hypothesis",
                "estimated",
                "log evidence",
                "prior",
                "weight",
                "stacking",
                "leave-one-study-out",
                "held-out log score",
            ],
            rows,
        )
    ]
    if any(r.effective < FEW_DRAWS for r in found.rows):
        lines.append("  ? fewer than 8 effective draws: take this figure as rough")
    groups = list(dict.fromkeys(found.study_group[n] for n in found.studies))
    top = {g: max(r.by_group[g] for r in found.rows) for g in groups}
    lines += [
        "",
        "Fit by group of evidence: log score of left-out studies, difference to the best hypothesis in that group.",
        "",
    ]
    rows = [[r.entry.id, *(f"{r.by_group[g] - top[g]:.1f}" for g in groups)] for r in found.rows]
    lines += [f"  {line}" for line in table(["hypothesis", *groups], rows)]
    if every_study:
        best_of = {n: max(r.by_study[n] for r in found.rows) for n in found.studies}
        lines += ["", "Fit by study: difference to the best hypothesis.", ""]
        rows = [[n, *(f"{r.by_study[n] - best_of[n]:.1f}" for r in found.rows)] for n in found.studies]
        lines += [f"  {line}" for line in table(["study", *(r.entry.id for r in found.rows)], rows)]
    lines += ["", "Most influential studies (what leaving one out does to the weights):"]
    for s in found.swings[:MOST_SWINGS]:
        lines.append(f"  without {s.study} ({s.group}): {s.moved} {_share(s.before)} -> {_share(s.after)}")
    lines += _without_groups(found)
    lines += _own(found)
    lines += ["", *_apart(found)]
    lines += _expectancy(found)
    if found.not_weighed:
        lines += [
            "",
            f"NOT COMPARED, no calibration on the present evidence ships: {', '.join(found.not_weighed)}.",
            "  To add them (minutes each; with the same KETASIM_PLUGINS): python -m ketasim.evidence.weigh.weigh_fit "
            + " ".join(found.not_weighed),
        ]
    return "\n".join(lines)


def _own(found: Weighing) -> list[str]:
    """What became of every finding of one's own, and what those that count do to the weights."""
    if not found.own:
        return []
    counted = sum(f.counted for f in found.own)
    lines = ["", f"Findings of your own: {counted} counted, {len(found.own) - counted} refused."]
    for f in found.own:
        said = f"{f.study}, {f.says}"
        if not f.counted:
            lines.append(f"  refused: {said}: {f.reason}")
            continue
        told = {name: x for name, x in (f.predicted or {}).items() if x is not None}
        low, high = min(told, key=lambda n: told[n]), max(told, key=lambda n: told[n])
        silent = len(f.predicted or {}) - len(told)
        lines.append(
            f"  counted: {said}: predicted from {told[low]:.2g} ({low}) to {told[high]:.2g} ({high})"
            + (f"; {silent} without a prediction, scored as neither gain nor loss" if silent else "")
        )
    for s in found.swings:
        if s.study in {f.study for f in found.own if f.counted}:
            lines.append(f"  with {s.study}: {s.moved} {_share(s.after)} -> {_share(s.before)}")
    return lines


def _held_words(count: int) -> str:
    """What the last column is: without studies kept for validation the proof is to predict every study without itself."""
    if not count:
        return (
            "Leave-one-study-out: log score of every study predicted by the others; no study is held out in this round."
        )
    return f"Held-out log score: {count} studies kept for validation, not used for any choice; difference to the best."


def _share(x: float) -> str:
    return f"{x:.2f}" if x >= 0.005 else "<0.01"


def _without_groups(found: Weighing) -> list[str]:
    """What leaving a whole group of evidence out does to every sentence of the answer."""
    if not found.group_swings:
        return []
    before = {r.entry.id: r.weight for r in found.rows}
    lines = [
        "",
        "Without a whole group of evidence (everything worked out again; a line says every sentence of this page that is another then):",
    ]
    for g in found.group_swings:
        many = "1 study" if len(g.studies) == 1 else f"{len(g.studies)} studies"
        told = [f"first: {g.first} {_share(g.weights[g.first])}"]
        if g.first != g.first_before:
            told[0] += (
                f" in place of {g.first_before} {_share(before[g.first_before])} -> {_share(g.weights[g.first_before])}"
            )
        if g.joined:
            told.append("no longer told apart: " + _names(g.joined))
        if g.parted:
            told.append("told apart only then: " + _names(g.parted))
        if not g.changes:
            told.append("nothing else changes")
        rough = "?" if g.effective < FEW_DRAWS else ""
        lines.append(f"  without {g.group} ({many}){rough}: {'; '.join(told)}")
    return lines


def _names(pairs: Sequence[tuple[str, str]]) -> str:
    """Pairs in words; those with one hypothesis in common together."""
    counts: dict[str, list[str]] = {}
    for first, second in pairs:
        common = max((first, second), key=lambda name: sum(name in pair for pair in pairs))
        counts.setdefault(common, []).append(second if common == first else first)
    return "; ".join(f"{name} from {', '.join(others)}" for name, others in counts.items())


def _apart(found: Weighing) -> list[str]:
    many = [g for g in found.groups if len(g) > 1]
    if not many:
        return ["Every pair is distinguishable on this evidence."]
    lines = [
        "Not distinguishable on this evidence, whatever their weights (within each line every pair differs by less than two standard errors of the leave-one-study-out score):"
    ]
    lines += [f"  {', '.join(g)}" for g in many]
    if any(len(g) > MANY for g in many):
        lines.append(
            "  A group of more than three is a finding: published means of mood say little about mechanism. `ketasim next-study A B` says what would."
        )
    return lines


def _expectancy(found: Weighing) -> list[str]:
    lines = []
    for r in found.rows:
        if r.entry.drug_effect:
            continue
        best = {n: max(o.by_study[n] for o in found.rows) for n in found.studies}
        against = sorted(found.studies, key=lambda n: r.by_study[n] - best[n])[:5]
        lines += [
            "",
            f"{r.entry.id} is scored like the others, and as having no prediction for animals (flat, neither gain nor loss). Studies least compatible with it:",
            "  " + ", ".join(f"{n} ({r.by_study[n] - best[n]:.1f})" for n in against),
        ]
    return lines
