"""The ranking of possible studies in plain sentences."""

from __future__ import annotations

from ketasim.core.records import NOTICE
from ketasim.decide.next_study import NextStudy, Ranked

from .words import table

SHOWN = 4


def next_study_text(found: NextStudy, shown: int = SHOWN) -> str:
    """The ranking, the `shown` leading designs in full, what is not sure."""
    lines = [
        f"Which study would tell {' from '.join(found.hypotheses)}? {found.budget} participants each.",
        NOTICE,
        "",
        "Information: share of the question that the study is expected to answer (0 nothing, 100 % all), +-SE of the computation.",
        "Misleading: chance that the study gives a wrong hypothesis odds of 3 to 1 or more, if the named one is true.",
        "",
    ]
    scale = [
        r.information.se * r.information.share / r.information.nats if r.information.nats > 0 else 0.0
        for r in found.ranked
    ]
    rows = [
        [
            r.design.name,
            f"{100 * max(r.information.share, 0):.0f} % +-{100 * s:.0f}",
            *(f"{100 * x:.0f} %" for x in r.information.right),
            *(f"{100 * x:.0f} %" for x in r.information.misleading),
            ", ".join(r.measured),
        ]
        for r, s in zip(found.ranked, scale, strict=True)
    ]
    head = [
        "design",
        "information",
        *(f"found if {h}" for h in found.hypotheses),
        *(f"misleading if {h}" for h in found.hypotheses),
        "measures",
    ]
    lines += [f"  {line}" for line in table(head, rows)]
    for r in found.ranked[:shown]:
        lines += ["", *_design(found, r)]
    lines.append("")
    if found.unsure:
        lines.append(
            "Neighbours whose order is not distinguishable (under two standard errors): "
            + "; ".join(f"{a} and {b}" for a, b in found.unsure)
            + "."
        )
    lines.append(
        "The order is the same with another seed."
        if found.stable
        else "The order is NOT the same with another seed: take near neighbours as equal."
    )
    lines += [f"{name} could not be computed: {why}." for name, why in found.failed.items()]
    return "\n".join(lines)


def _design(found: NextStudy, r: Ranked) -> list[str]:
    lines = [
        f"{r.design.title} ({r.design.name}; setting {r.design.setting}{', crossover' if r.design.crossover else ''})"
    ]
    measures = [m.label for m in r.design.measures]
    rows = []
    for h, arms in r.predicted.items():
        for arm, seen in arms.items():
            rows.append(
                [
                    h,
                    arm.replace("_", " "),
                    *(f"{seen[m][0]:.2f} +-{seen[m][1]:.2f}" if m in seen else "no prediction" for m in measures),
                ]
            )
    lines += [f"  {line}" for line in table(["if", "arm", *(_measure(m) for m in measures)], rows)]
    if r.unspoken:
        lines.append(f"  left out, because one of the hypotheses has no prediction: {', '.join(r.unspoken)}")
    lines.append(
        "  participants and information: "
        + ", ".join(f"{n}: {x:.2f} +-{s:.2f} nats" for n, x, s in found.by_size[r.design.name])
    )
    return lines


def _measure(label: str) -> str:
    name, _, hours = label.partition("@")
    return {"madrs": f"MADRS change, {hours} h", "glutamate": f"glutamate rise, {hours} h", "cadss": "CADSS peak"}[name]
