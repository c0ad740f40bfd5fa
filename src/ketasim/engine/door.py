"""`python -m ketasim.engine FILE --until T --points N --csv -`: simulate any model of the ODE subset of SBML.

Exit code 0 = done, 1 = the integration failed, 2 = wrong use or a model that cannot be read.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ketasim.core import KetasimError, UsageError

if TYPE_CHECKING:
    from .api import Model, Trajectories

SUFFIXES = (".xml", ".sbml", ".ant")
LARGEST_FILE = 20_000_000  # bytes
MOST_POINTS = 1_000_000
NUMBERS_AT_ONCE = 8_000_000  # of the table in memory; a longer one is computed and written in blocks of rows
ROWS_AT_ONCE = 1_000  # as text
MOST_STEPS = 1_000_000
ENCODINGS = frozenset({"utf-8", "utf-16", "ascii", "iso8859-1", "cp1252"})


def main(words: Sequence[str] | None = None) -> int:
    try:
        return _run(_parser().parse_args(_joined(sys.argv[1:] if words is None else words)))
    except KetasimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _joined(words: Sequence[str]) -> list[str]:
    """`--start -1e3` as `--start=-1e3`: what looks like an option to argparse, but is a number, belongs to the word before."""
    found: list[str] = []
    for word in words:
        if word.startswith("-") and found and found[-1].startswith("--") and "=" not in found[-1] and _is_number(word):
            found[-1] += "=" + word
        else:
            found.append(word)
    return found


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ketasim.engine",
        description="Simulate a model given as SBML (.xml, .sbml) or Antimony (.ant). Columns: time, then every "
        "species, and each compartment and parameter that varies.",
    )
    parser.add_argument("file", type=Path, help="the model")
    parser.add_argument("--until", type=float, required=True, metavar="T", help="last time")
    parser.add_argument("--start", type=float, default=0.0, metavar="T", help="first time (0)")
    parser.add_argument("--points", type=int, default=101, metavar="N", help="rows, first and last time included (101)")
    parser.add_argument("--csv", default="-", metavar="PATH", help="where to write; - is standard output (default)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--amounts", action="store_true", help="all species as amounts")
    kind.add_argument("--concentrations", action="store_true", help="all species as concentrations")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a constant, or the start of a species or variable; repeatable",
    )
    parser.add_argument("--rtol", type=float, default=1e-8, help="relative tolerance (1e-8)")
    parser.add_argument(
        "--atol",
        action="append",
        default=[],
        metavar="[NAME=]VALUE",
        help="absolute tolerance, of all states or of one, repeatable (1e-4 rtol of the largest that each state has been); "
        "the tolerances used are told on standard error",
    )
    parser.add_argument(
        "--max-steps",
        type=float,
        default=MOST_STEPS,
        metavar="N",
        help=f"most steps of the integration ({MOST_STEPS:,})",
    )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from .api import compile_model
    from .read.reader import read_model
    from .run.streaming import free_name
    from .symbolic.system import state_names

    if not np.isfinite([arguments.until, arguments.start]).all() or arguments.until <= arguments.start:
        raise UsageError(f"--until {arguments.until:g} is not after --start {arguments.start:g}", where="command line")
    if not 2 <= arguments.points <= MOST_POINTS:
        raise UsageError(f"--points {arguments.points}", where="command line", allowed=f"2 to {MOST_POINTS:,}")
    given = dict(_assignment(word, "--set") for word in arguments.set)
    text = read_file(arguments.file)
    wanted = "*amounts" if arguments.amounts else "*concentrations" if arguments.concentrations else "*"
    variables = state_names(read_model(text)) if given else ()
    constants = {name: value for name, value in given.items() if name not in variables}
    model = compile_model(text, tuple(constants), (wanted,))
    starts = {name: value for name, value in given.items() if name in variables}
    blocks = _blocks(model, list(constants.values()), starts, _tolerance(arguments.atol), arguments)
    first = next(blocks)
    print(f"tolerances: {first.tolerances}", file=sys.stderr)
    if first.status[0]:
        return _failed(first, arguments)
    names = [re.sub(r"^(?:amount|concentration)\((.*)\)$", r"\1", name) for name in first.outputs]
    with _target(arguments.csv) as file:
        file.write(",".join([free_name("time", names), *names]) + "\n")
        _write(first, file)
        for block in blocks:
            if block.status[0]:
                return _failed(block, arguments)
            _write(block, file)
        file.flush()
    return 0


def _blocks(
    model: Model,
    values: list[float],
    starts: dict[str, float],
    atol: float | dict[str, float] | None,
    arguments: argparse.Namespace,
) -> Iterator[Trajectories]:
    """The run, a block of rows at a time.

    Each block is a run from the start, which gives the same numbers as one long run: steps do not depend on the times
    of the output. Before the first of several blocks the run is tried to its end, so that nothing is written of one
    that fails.
    """
    import numpy as np

    from .types import Schedule

    times = np.linspace(arguments.start, arguments.until, arguments.points)
    schedule = Schedule(np.array([arguments.start, arguments.until]), np.zeros((1, 0)))
    rows = max(2, NUMBERS_AT_ONCE // len(model.outputs))
    firsts = range(0, len(times), rows)
    for asked in [*([times[-1:]] if len(firsts) > 1 else []), *(times[first : first + rows] for first in firsts)]:
        result = model.simulate(
            np.array([values]).reshape(1, -1),
            [schedule],
            [0],
            asked,
            rtol=arguments.rtol,
            atol=atol,
            initial=starts,
            max_steps=arguments.max_steps,
            keep_nonfinite=True,
        )
        if result.status[0] or len(firsts) == 1 or len(asked) > 1 or asked[0] != times[-1]:
            yield result


def _failed(result: Trajectories, arguments: argparse.Namespace) -> int:
    print(f"error: the integration failed: {result.reasons[0]}", file=sys.stderr)
    if "max_steps" in (result.reasons[0] or ""):
        print(f"  try: --max-steps {10 * int(arguments.max_steps)}", file=sys.stderr)
    for failure in result.failures:
        for name, value in failure.state.items():
            print(f"  {name} = {value!r}", file=sys.stderr)
    return 1


def _assignment(word: str, option: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise UsageError(
            f"{option} {word}", where="command line", allowed="NAME=NUMBER", fix=f"{option} k1=0.5"
        ) from None


def _tolerance(words: Sequence[str]) -> float | dict[str, float] | None:
    """One number, or numbers by state; None if nothing was said."""
    if len(words) == 1 and _is_number(words[0]):
        return float(words[0])
    if any(map(_is_number, words)):
        raise UsageError(
            "--atol is given more than once, and not always for one state",
            where="command line",
            allowed="one number, or NAME=NUMBER as often as there are states",
            fix="--atol A=1e-15 --atol B=1e-9",
        )
    return dict(_assignment(word, "--atol") for word in words) or None


def read_file(path: Path) -> str:
    """The text of a model file that the user named."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"'{path.name}' does not look like a model", allowed="files ending in " + ", ".join(SUFFIXES))
    try:
        if not path.is_file():
            raise UsageError(f"there is no file '{path}'")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise UsageError(f"'{path}' has {size:,} bytes", allowed=f"at most {LARGEST_FILE:,}")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from error
    declared = re.match(rb"""<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']""", content[:200])
    encoding = declared.group(1).decode() if declared else "utf-8-sig"
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    try:
        if codecs.lookup(encoding).name not in ENCODINGS | {"utf-8-sig"}:
            raise LookupError
        return content.decode(encoding)
    except LookupError:
        raise UsageError(f"'{path}' is encoded as '{encoding}'", allowed="UTF-8") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not valid {encoding}: {error.reason}", where=f"byte {error.start}") from None


@contextlib.contextmanager
def _target(path: str) -> Iterator[TextIO]:
    """Where the table goes."""
    if path == "-":
        yield sys.stdout
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise UsageError(f"'{path}' cannot be written: {error.strerror}") from error


def _write(result: Trajectories, file: TextIO) -> None:
    """Rows as text, some at a time. repr reads back as the same number."""
    values = result.values[0]
    for first in range(0, len(values), ROWS_AT_ONCE):
        rows = zip(
            result.times[first : first + ROWS_AT_ONCE].tolist(),
            values[first : first + ROWS_AT_ONCE].tolist(),
            strict=True,
        )
        file.write("".join(",".join(map(repr, (time, *row))) + "\n" for time, row in rows))
