"""The command line as a terminal meets it: its help tells the truth, and no disk, folder, pipe or encoding breaks it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from ketasim.cli.main import app
from ketasim.cli.options import Options
from ketasim.cli.output import shown

GOOD = "ketamine iv 0.5 mg/kg over 40 min"
QUICK = ("--people", "0", "--days", "1")
COMMANDS = get_command(app).commands


def process(*words: str, **settings) -> subprocess.CompletedProcess:
    environment = os.environ | settings.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "ketasim", *words],
        stdout=settings.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **settings,
    )


def examples() -> dict[str, tuple[str, ...]]:
    """Option -> words of the example in its help."""
    found = {}
    for option in COMMANDS["run"].params:
        text = getattr(option, "help", "") or ""
        for example in re.findall(r'such as "([^"]+)"|such as (\S+=\S+?)(?:;|$)|: (\w+=[\w,]+)', text):
            found.setdefault(option.opts[-1], ())
            found[option.opts[-1]] += (next(part for part in example if part),)
        for quoted in re.findall(r'(?:^|: |or )"([^"]+)"', text) if option.name == "at" else ():
            found[option.opts[-1]] = (*found.get(option.opts[-1], ()), quoted)
    return found


def test_every_example_of_the_help_runs(ketasim) -> None:
    found = examples()
    assert {"--repeat", "--with", "--at", "--set", "--variant"} <= set(found)
    for option, words in found.items():
        for word in words:
            beside = (
                ("--with", "naltrexone oral 50 mg at -45 min") if "naltrexone" in word and option == "--set" else ()
            )
            answer = ketasim("run", GOOD, *QUICK, option, word, *beside)
            assert answer.code == 0, (option, word, answer.err)
    words = re.search(r'"([^"]+)"', next(p.help for p in COMMANDS["run"].params if p.name == "words"))
    assert words and ketasim("run", words.group(1), *QUICK).code == 0


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_shows_every_default(ketasim, name: str) -> None:
    text = " ".join(ketasim(name, "--help").out.split())
    for option in COMMANDS[name].params:
        if option.name in ("people", "days", "at", "setting", "weight", "age", "baseline", "genotype", "hypothesis"):
            described = text.split(option.opts[0] + " ", 1)[1].split(" --", 1)[0]
            assert "[default:" in described, option.name


def test_the_defaults_in_the_help_are_those_of_a_run(ketasim) -> None:
    from ketasim.chain.hypothesis import default_hypothesis
    from ketasim.core import value
    from ketasim.people import Traits
    from ketasim.scenario.plan import DEFAULT_PEOPLE

    shown_default = {
        o.name: o.show_default for o in COMMANDS["run"].params if isinstance(getattr(o, "show_default", 0), str)
    }
    assert shown_default["people"] == str(DEFAULT_PEOPLE)
    for name, key in (("weight", "typical_weight"), ("age", "typical_age"), ("baseline", "typical_madrs")):
        assert shown_default[name].endswith(f" {value(key).value:g}")
    assert (shown_default["genotype"], shown_default["ethnicity"]) == (Traits().genotype, Traits().ethnicity)
    assert shown_default["hypothesis"] == default_hypothesis().id


def test_one_value_carries_every_option() -> None:
    names = {option.name for option in COMMANDS["run"].params}
    assert {f.name for f in fields(Options)} < names
    assert {f.name for f in fields(Options)} < {option.name for option in COMMANDS["compare"].params}
    with pytest.raises(AttributeError):
        Options().days = 3  # type: ignore[misc]


def test_a_random_seed_is_other_people_and_is_said(ketasim) -> None:
    first, second = (
        json.loads(ketasim("run", GOOD, "--people", "2", "--days", "1", "--seed", "random", "--json").out)
        for _ in range(2)
    )
    assert first["seed"] != second["seed"]
    assert first["outputs"]["madrs"]["median"] != second["outputs"]["madrs"]["median"]
    again = json.loads(ketasim("run", GOOD, "--people", "2", "--days", "1", "--seed", str(first["seed"]), "--json").out)
    assert again == first
    refused = ketasim("run", GOOD, "--seed", "lucky")
    assert refused.code == 2 and "random" in refused.err and "--seed 1" in refused.err


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_folder_for_a_figure_is_refused(ketasim, tmp_path: Path, ending: str) -> None:
    answer = ketasim("run", GOOD, "--plot", f"{tmp_path}{ending}")
    assert answer.code == 2 and answer.out == "" and str(tmp_path) in answer.err
    assert ketasim("run", GOOD, "--plot", ".").code == 2


@pytest.mark.parametrize(
    ("words", "option"), [(("run", GOOD), "--compound"), (("check", "--study", "Nobody1900"), "--html")]
)
def test_a_folder_for_any_file_is_refused(ketasim, tmp_path: Path, words: tuple[str, ...], option: str) -> None:
    answer = ketasim(*words, option, str(tmp_path))
    assert answer.code == 2 and answer.out == "" and "Traceback" not in answer.err and answer.err.strip()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize(
    "words",
    [("--version",), ("--help",), ("show", "drugs"), ("experiment", "list", "--json"), ("run", GOOD, *QUICK, "--csv")],
    ids=lambda words: words[0],
)
def test_a_full_disk_is_one_message(words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        told = process(*words, stdout=full)
    assert told.returncode == 2, told.stderr
    assert "Traceback" not in told.stderr and "cannot" in told.stderr


@pytest.mark.parametrize("words", [("show", "sources"), ("claims", "--help"), ("experiment", "list", "--json")])
def test_a_narrow_terminal_gets_an_answer(words: tuple[str, ...]) -> None:
    told = process(*words, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert told.returncode == 0 and told.stderr == "" and told.stdout.isascii() and len(told.stdout) > 100
    if "--json" in words:
        json.loads(told.stdout)


def test_letters_that_do_not_fit_are_replaced_and_json_stays_the_same() -> None:
    assert shown("caf\u00e9 \u2265 7 d", "ascii") == "cafe ? 7 d"
    text = json.dumps({"name": "\u00b5g \U0001f9ea \u00e9"}, ensure_ascii=False)
    assert json.loads(shown(text, "ascii", json=True)) == json.loads(text)
    assert shown(text, "utf-8") == text


def test_a_closed_pipe_is_silent() -> None:
    command = f"{sys.executable} -m ketasim show sources | head -c 10 > {os.devnull}; exit ${{PIPESTATUS[0]}}"
    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert told.returncode == 0 and told.stderr == ""
