"""Templates of parts of one's own: small, complete, and right as they are written, so that each can be run before a word is changed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ketasim.core import UsageError, knowledge_path, unknown_name
from ketasim.core.files import write_whole
from ketasim.core.own import VARIABLE

NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True)
class Template:
    """Files by path below the folder, and the commands that use them."""

    files: Mapping[str, str]
    commands: tuple[str, ...]


def new(kind: str, name: str, folder: str | Path = ".") -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the template of a stage, drug, study, hypothesis, finding or design called `name` below `folder`.

    Returns the files written and the commands that use them. Raises UsageError for an unknown kind, a name that is no identifier, a
    file that is there already; then nothing is written.
    """
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS, where=f"ketasim new {kind}", fix=f"ketasim new stage {name}")
    if not NAME.fullmatch(name):
        raise UsageError(
            f"'{name[:40]}' is no name of a {kind}",
            where=f"ketasim new {kind}",
            allowed="2 to 40 small letters, digits and underscores, a letter first",
            fix=f"ketasim new {kind} sigma_one",
        )
    base = Path(folder)
    if not base.is_dir():
        raise UsageError(f"the folder {base} does not exist", where="--folder", fix=f"mkdir -p {base}")
    made = KINDS[kind](name)
    there = [base / path for path in made.files if (base / path).exists()]
    if there:
        raise UsageError(f"{there[0]} is there already", where=f"ketasim new {kind} {name}", allowed="another name")
    written = []
    for path, text in made.files.items():
        place = base / path
        place.parent.mkdir(parents=True, exist_ok=True)
        written.append(write_whole(place, lambda temporary, text=text: _fill(temporary, text)))  # type: ignore[misc]
    here = shlex.quote(str(base))
    return tuple(written), tuple(
        command.replace("@OWN@", f"{VARIABLE}={here}").replace("@FOLDER@", here) for command in made.commands
    )


def _fill(place: Path, text: str) -> None:
    place.write_text(text, encoding="utf-8")


def _source(name: str) -> str:
    return f"""# Where the numbers of {name} come from: a paper with its doi, or what was measured and where it is written down.
[{_key(name)}]
citation = "Own assumption; replace it by the source of the numbers"
kind = "own"
"""


def _key(name: str) -> str:
    return "Own" + "".join(part.capitalize() for part in name.split("_"))


def _stage(name: str) -> Template:
    toml = f'''# A mechanism of one's own: one more variant of a stage. A drive of the circuit adds to all others; nothing else has to be edited.
stage = "circuit"
variant = "{name}"
file = "{name}.ant"
provides = ["{name}_drive"]
switch = ["{name}_weight"]     # the value that takes it out when it is 0

[outputs.{name}_drive]
unit = "dimensionless"
label = "Drive on synapses from {name}"
'''
    ant = f"""// {name}: drive on synapses from the share of NMDA channels that are occupied (Hill, in additive form).
model circuit_{name}
  {name}_drive has dimensionless;
  {name}_drive := {name}_weight*nmda_occupancy^2/({name}_half_occupancy^2 + nmda_occupancy^2);
end
"""
    return Template(
        {
            f"stages/{name}.toml": toml,
            f"stages/{name}.ant": ant,
            f"values/own_{name}.toml": _value(f"{name}_weight", 0.1, "Size of the drive", name)
            + "\n"
            + _value(f"{name}_half_occupancy", 0.4, "Occupancy at half of the drive", name),
            f"sources/own_{name}.toml": _source(name),
        },
        (
            f'@OWN@ ketasim run "ketamine iv 0.5 mg/kg over 40 min" --variant circuit=disinhibition,opioid_gate,{name}',
            f"@OWN@ ketasim show {name}_weight",
            "@OWN@ ketasim lint",
        ),
    )


def _value(key: str, number: float, label: str, name: str) -> str:
    return f'''[{key}]
label = "{label}"
value = {number}
unit = "dimensionless"
basis = "assumed"              # measured | derived | assumed | placeholder
grade = "D"                    # A human direct, B human indirect, C animal or in vitro, D assumed
source = "{_key(name)}"
place = "where in the source the number stands"
uncertain = {{ kind = "lognormal", sd = 0.5 }}
bounds = [0, 10]
'''


def _hypothesis(name: str) -> Template:
    toml = f'''# An explanation: which mechanisms, which numbers are free, what it predicts, what would refute it.
title = "{name.replace("_", " ").capitalize()}"
says = "One sentence that a neuroscientist can agree or disagree with."
records = []                   # ids of the evidence behind it
sources = ["KetasimAssumption"]
predicts = ["what must be seen if it is right"]
refuted_by = ["what must not be seen if it is right"]
paths = ["mood_fast_size", "mood_late_size"]

[variants]
circuit = ["disinhibition", "rest_block", "opioid_gate"]
plasticity = ["synapses"]
mood = ["two_paths", "ideation", "ssri"]

[free]
surge_half_block = {{}}          # its own prior; or kind, median, sd and because
rest_block_weight = {{}}
'''
    return Template(
        {f"hypotheses/{name}.toml": toml},
        (
            f'@OWN@ ketasim run "ketamine iv 0.5 mg/kg over 40 min" --hypothesis {name}',
            f"@OWN@ ketasim show {name}",
            f"@OWN@ python -m ketasim.evidence.weigh.weigh_fit {name}    # minutes; then it stands in `ketasim weigh`",
        ),
    )


def _finding(name: str) -> Template:
    toml = f"""# What was found in an experiment of your own, set beside the prediction of every hypothesis. An invented example: replace every line.
[{name}]
title = "Naltrexone before ketamine, glutamate by spectroscopy"
source = "Author A et al. Journal 2026;1:1-9, Figure 2"
role = "fit"                   # fit: counts in the weighing | validate: kept to judge by, never counted
arms.ketamine = {{ words = "ketamine iv 0.5 mg/kg over 40 min" }}
arms.naltrexone = {{ words = "ketamine iv 0.5 mg/kg over 40 min", with = ["naltrexone oral 50 mg at -45 min"] }}
# output of `arm` as a share of that of `versus` (without `versus`: as it is), at `look` (a time, or peak)
# found: gone | kept | weaker | stronger | works, or a number with se; seen = false for what you did not see in the source
published = [
  {{ says = "the rise of glutamate is weaker", output = "glutamate", look = "peak", arm = "naltrexone", versus = "ketamine", found = "weaker", species = "human" }},
]
"""
    return Template(
        {f"findings/{name}.toml": toml},
        (f"ketasim weigh --finding @FOLDER@/findings/{name}.toml", "@OWN@ ketasim weigh"),
    )


def _design(name: str) -> Template:
    toml = f"""# A study that could be done: at least two arms in the words of the command line.
[{name}]
title = "Naltrexone or placebo before ketamine"
setting = "open"               # open | saline | midazolam | nasal-placebo | inpatient | routine
crossover = false
arms.placebo = {{ words = "ketamine iv 0.5 mg/kg over 40 min" }}
arms.naltrexone = {{ words = "ketamine iv 0.5 mg/kg over 40 min", with = ["naltrexone oral 50 mg at -45 min"] }}
measures = ["madrs@24", "madrs@168"]   # madrs@HOURS, glutamate@HOURS, cadss
"""
    return Template(
        {f"designs/{name}.toml": toml},
        (f"ketasim next-study opioid-gate disinhibition --design @FOLDER@/designs/{name}.toml",),
    )


def _drug(name: str) -> Template:
    text = (knowledge_path() / "compound_example.toml").read_text(encoding="utf-8")
    words = name.replace("_", " ")
    text = (
        text.replace('"my compound"', f'"{words}"')
        .replace('"my compound iv', f'"{words} iv')
        .replace("my-compound.toml", f"{name}.toml")
    )
    return Template(
        {f"{name}.toml": text},
        (f'ketasim run "{words} iv 40 mg over 40 min" --compound @FOLDER@/{name}.toml',),
    )


def _study(name: str) -> Template:
    study = """citation = "Author A et al. Journal 2026;1:1-9"
doi = "10.0000/replace-me"
role = "validate"              # never used to fit; `fit` if it may be
group = "single IV"
design = "parallel"
design_text = "double-blind, one infusion, saline as comparator"
blinding = "double-blind"
rater = "clinician"
population = "TRD n=40"
n = 40
baseline = { scale = "MADRS", mean = 32, sd = 5 }
note = "An invented example: replace every line."

[arms.ketamine]
words = "ketamine iv 0.5 mg/kg over 40 min"
setting = "saline"
n = 20

[arms.placebo]
words = "placebo iv over 40 min"
setting = "saline"
n = 20
"""
    data = (
        "record,arm,versus,endpoint,scale,statistic,time_h,value,unit,low,high,se,sd,n,provenance,use,note\n"
        f"{name}_01,ketamine,placebo,madrs,MADRS,difference,24,-8,points,,,2.2,,,seen,predict,invented\n"
    )
    return Template(
        {f"studies/{name}/study.toml": study, f"studies/{name}/data.csv": data},
        ("ketasim lint --studies @FOLDER@/studies", "ketasim check --studies @FOLDER@/studies"),
    )


KINDS: Mapping[str, Callable[[str], Template]] = {
    "stage": _stage,
    "drug": _drug,
    "study": _study,
    "hypothesis": _hypothesis,
    "finding": _finding,
    "design": _design,
}
