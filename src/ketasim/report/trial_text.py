"""A virtual trial in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.core.records import NOTICE
from ketasim.trial.dropout import equation
from ketasim.trial.library import Entry
from ketasim.trial.plan import REPORTS, SCORES
from ketasim.trial.result import Bias, Contrast, TrialResult, when

from .crisis import crisis_text

MORE = "needs more replicates (--sims)"


def trial_text(result: TrialResult) -> str:
    """What the trial would show: design, power, arms, contrast, what blinding does, and what it rests on."""
    d = result.design
    lines = [d.title, ""]
    for arm in d.arms:
        words = arm.regimen()
        role = " (comparator)" if d.compares and arm.name == d.comparator else ""
        lines.append(f"  {arm.name}{role}: {words}")
    lines += [
        f"  setting {d.setting}, read on the {d.scale} at {', '.join(when(t / 24) for t in d.visits_h)}; {equation(d.dropout)}",
        f"  {result.sims} replicates in {result.worlds} worlds (hypothesis and draw of the posterior), seed {result.seed}"
        + ("; NULL: every arm gets the comparator's placebo" if result.null else ""),
        "",
    ]
    if result.power:
        lines += _power(result)
    else:
        lines.append("One arm: nothing is compared, there is no power.")
    lines += ["", *_arms(result)]
    if result.contrast:
        lines += ["", contrast_words(result.contrast, d.scale)]
    found = stopping_lines(result)
    lines += ["", *found] if found else []
    for name, bias in result.bias.items():
        lines += ["", *_bias(name, bias)]
    if result.by_hypothesis:
        lines += ["", "By hypothesis (contrast, power at the largest size):"]
        lines += [
            f"  {name:<20} {row['contrast']:+6.2f}   {100 * row['power']:3.0f} % +- {100 * row['mc_se']:.0f}"
            for name, row in result.by_hypothesis.items()
        ]
    if result.replay:
        lines += ["", _replay(result.replay)]
    lines += ["", f"Estimand. {result.estimand}"]
    lines += [f"- {note}" for note in result.notes]
    if result.unanalysed:
        lines.append(
            "Without a result: " + "; ".join(f"{n} replicates, {why}" for why, n in result.unanalysed.items()) + "."
        )
    return "\n".join([*lines, "", NOTICE, crisis_text()])


def _power(result: TrialResult) -> list[str]:
    alpha = result.design.analysis.alpha
    what = "rejects (type I error)" if result.null else "shows a difference"
    head = f"How often the trial {what}, {result.design.analysis.label}, two-sided {alpha:g}, arm {result.design.endpoint.arm}:"
    rows = ["  randomised   power   Monte Carlo SE   5th to 95th percentile over hypotheses and posterior"]
    for p in result.power:
        band = MORE if not p.told else f"{100 * p.low:.0f} to {100 * p.high:.0f} %"
        rows.append(f"  {p.n:>10} {100 * p.power:>6.1f} % {100 * p.mc_se:>12.1f}     {band}")
    return [head, *rows]


def _arms(result: TrialResult) -> list[str]:
    rows = ["Expected at each visit (mean number seen, mean and SD of change, response, remission, gone for good):"]
    for arm in result.arms:
        guess = "" if math.isnan(arm.correct_guess) else f"; {100 * arm.correct_guess:.0f} % guess right"
        rows.append(f"  {arm.arm}, {arm.n:.0f} randomised; {_harm(arm.harm)}{guess}")
        rows += [
            f"    {when(v.day):>8}  n {v.n:5.1f}  {v.mean_change:+6.1f} ({v.sd_change:.1f})  {100 * v.response:3.0f} %  {100 * v.remission:3.0f} %  {100 * v.dropout:3.0f} %"
            for v in arm.visits
        ]
    return rows


def _harm(harm: Mapping[str, float]) -> str:
    shares = ", ".join(f"{name} {100 * harm[f'share_{name}']:.0f} %" for name in REPORTS)
    return (
        f"CADSS peak {harm['cadss_peak']:.0f}, systolic rise {harm['sbp_rise']:.0f} mmHg; reported by the end: {shares}; systolic rise of 40 mmHg or more "
        f"{100 * harm['share_sbp_rise_40']:.0f} %"
    )


def stopping_lines(result: TrialResult) -> list[str]:
    """What looks or a re-estimated size did, at the largest size."""
    if not result.stopping:
        return []
    n = max(result.stopping)
    lines = []
    for arm, detail in result.stopping[n].items():
        if "looks" not in detail:
            lines.append(
                f"Size of {arm} looked at again after {detail['look']} people ({detail['kind']}): raised in {100 * detail['raised']:.0f} % of the trials, "
                f"{detail['mean_n']:.0f} people on average, 5th to 95th percentile {detail['low_n']:.0f} to {detail['high_n']:.0f}, at most {detail['most']}."
            )
            continue
        lines.append(
            f"Looks at {arm}, {n} planned: {detail['mean_n']:.0f} people on average; an estimate at a stop is {detail['estimate']}."
        )
        lines.append("    people   z for benefit   stops here: benefit   against   futility")
        for look in detail["looks"]:
            shares = (look["efficacy"], look["against"], look["futility"])
            lines.append(f"    {look['n']:>6} {look['upper']:>15.3f}" + "".join(f"{100 * x:>13.1f} %" for x in shares))
    return lines


def contrast_words(c: Contrast, scale: str) -> str:
    """The contrast in a sentence."""
    scale = "MADRS item 10" if c.endpoint == "ideation" else scale
    unit = f" points of the {scale}" if c.endpoint in SCORES else f" ({c.scale})"
    band = (
        f"; spread over hypotheses and posterior: {MORE}"
        if not c.told
        else f", 5th to 95th percentile over hypotheses and posterior {c.low:+.2f} to {c.high:+.2f}"
    )
    return f"Contrast: {c.endpoint} at {when(c.day)}, {c.arm} minus {c.comparator}: {c.mean:+.2f}{unit} (Monte Carlo SE {c.mc_se:.2f}){band}. A single trial prints an interval of {c.trial_low:+.2f} to {c.trial_high:+.2f} on average."


def _bias(arm: str, b: Bias) -> list[str]:
    rows = [f"What blinding does, {arm} (mean, 5th to 95th percentile over worlds):"]
    for label, three in (
        ("true effect of taking it", b.true),
        ("effect the analysis finds", b.analysed),
        ("effect had nobody been able to tell", b.held),
        ("a drug that is felt and does nothing", b.inert),
    ):
        rows.append(f"  {label:<38} {three[0]:+6.2f}   {range_words(three, b.told)}")
    return rows


def range_words(three: tuple[float, float, float], told: bool = True) -> str:
    """The spread behind a mean, or that it was not worked out."""
    return MORE if not told or math.isnan(three[1]) else f"{three[1]:+.2f} to {three[2]:+.2f}"


def _replay(replay: Mapping[str, Any]) -> str:
    words = {"ratio": "ratio of mean changes ", "again": "share of the comparator's responders who respond "}
    there = f"Published: {words.get(replay['measure'], '')}{replay['published']:+.2f}, n {replay['n']}. {100 * replay['pit']:.0f} % of the simulated trials of that size give so much or less"
    rows = [f"{name} {100 * pit:.0f} %" for name, pit in replay["pit_by_hypothesis"].items()]
    return there + (f" (by hypothesis: {', '.join(rows)})." if rows else ".")


def list_text(entries: Sequence[Entry]) -> str:
    """The designs that ship, one a line."""
    width = max((len(e.id) for e in entries), default=2)
    rows = [f"{e.id:<{width}}  {e.arms} arm{'s' if e.arms > 1 else ' '}  {e.title}" for e in entries]
    return "\n".join(
        [
            *rows,
            "",
            "ketasim trial ID --n 60,120 --sims 1000     or a design file of your own: ketasim trial design.toml",
        ]
    )
