"""The engine's door, run in a child process that can be killed: a crash or a hang of one model must not end the tests."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LIMIT = 30.0  # s for one model; a small one takes a fraction of a second
MEMORY = 8 << 30  # bytes of address space
CHILD = f"""
import contextlib, io, json, sys, traceback
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
except ImportError:
    pass
from ketasim.engine.door import main
answers = sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(json.loads(line))
        except SystemExit as left:
            code = left.code
        except BaseException:
            code = "traceback"
            traceback.print_exc()
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """`code` exit code, or "hang", "crash", "traceback"."""

    code: int | str
    out: str
    err: str
    seconds: float

    def table(self) -> dict[str, np.ndarray]:
        """The CSV by column."""
        head, *rows = self.out.strip().split("\n")
        cells = np.array([[float(x) for x in row.split(",")] for row in rows])
        return {name: cells[:, i] for i, name in enumerate(head.split(","))}

    def last(self, name: str) -> float:
        return float(self.table()[name][-1])


class Door:
    """Runs models one after another; a new child is started when one has died."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        self.child: subprocess.Popen[str] | None = None

    def __call__(
        self,
        model: str | bytes,
        *words: str,
        suffix: str = ".ant",
        until: str = "10",
        points: str = "5",
        limit: float = LIMIT,
    ) -> Answer:
        self.number += 1
        path = self.folder / f"model{self.number}{suffix}"
        path.write_bytes(model if isinstance(model, bytes) else model.encode("utf-8", "surrogatepass"))
        return self.run([str(path), "--until", until, "--points", points, *words], limit)

    def run(self, words: list[str], limit: float = LIMIT) -> Answer:
        if self.child is None:
            environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            self.child = subprocess.Popen(
                [sys.executable, "-c", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                bufsize=1,
                env=environment,
            )
        assert self.child.stdin is not None and self.child.stdout is not None
        begin = time.monotonic()
        self.child.stdin.write(json.dumps(words) + "\n")
        self.child.stdin.flush()
        while True:
            left = limit - (time.monotonic() - begin)
            if left <= 0:
                self.close()
                return Answer("hang", "", f"no answer within {limit:g} s", limit)
            if select.select([self.child.stdout], [], [], left)[0]:
                line = self.child.stdout.readline()
                spent = time.monotonic() - begin
                if not line:
                    code = self.child.wait()
                    self.close()
                    return Answer("crash", "", f"the interpreter died with {code}", spent)
                if line.startswith("["):
                    return Answer(*json.loads(line), spent)

    def close(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            for pipe in (self.child.stdin, self.child.stdout):
                if pipe is not None:
                    pipe.close()
            self.child = None


def sbml(body: str, level: int = 3, version: int = 1, attributes: str = "") -> str:
    """An SBML document around the content of a model."""
    core = "/core" if level == 3 else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level{level}/version{version}{core}" '
        f'{attributes} level="{level}" version="{version}"><model id="m">{body}</model></sbml>'
    )


def math(inner: str) -> str:
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'


def ci(name: str) -> str:
    return f"<ci>{name}</ci>"


def cn(value: object) -> str:
    return f"<cn>{value}</cn>"


def ap(operator: str, *arguments: str) -> str:
    return f"<apply><{operator}/>{''.join(arguments)}</apply>"


def parameters(*entries: tuple[str, object, bool]) -> str:
    """(identifier, value, constant)"""
    return (
        "<listOfParameters>"
        + "".join(f'<parameter id="{i}" value="{v}" constant="{str(c).lower()}"/>' for i, v, c in entries)
        + "</listOfParameters>"
    )


def rules(*entries: tuple[str, str, str]) -> str:
    """(kind, variable, MathML); kind is rate or assignment."""
    return (
        "<listOfRules>"
        + "".join(f'<{k}Rule variable="{v}">{math(m)}</{k}Rule>' for k, v, m in entries)
        + "</listOfRules>"
    )


def compartment(size: object = 1, constant: bool = True) -> str:
    return (
        f'<listOfCompartments><compartment id="c" size="{size}" constant="{str(constant).lower()}" spatialDimensions="3"/>'
        "</listOfCompartments>"
    )


def species(
    identifier: str = "a", place: str = "c", amount: bool = True, boundary: bool = False, constant: bool = False
) -> str:
    flag = {True: "true", False: "false"}
    return (
        f'<species id="{identifier}" compartment="{place}" initialAmount="1" hasOnlySubstanceUnits="{flag[amount]}" '
        f'boundaryCondition="{flag[boundary]}" constant="{flag[constant]}"/>'
    )


def decay(
    identifier: str = "r", reactant: str = "a", stoichiometry: object = 1, law: str = "<ci>a</ci>", fast: str = "false"
) -> str:
    """A reaction that removes `reactant`."""
    return (
        f'<reaction id="{identifier}" reversible="false" fast="{fast}"><listOfReactants><speciesReference species="{reactant}" '
        f'stoichiometry="{stoichiometry}" constant="true"/></listOfReactants><kineticLaw>{math(law)}</kineticLaw></reaction>'
    )


def one_species(reaction: str = "", **settings: object) -> str:
    """Compartment, species `a`, and its decay."""
    size, fixed = settings.pop("size", 1), bool(settings.pop("fixed_size", True))
    return (
        compartment(size, fixed)
        + f"<listOfSpecies>{species(**settings)}</listOfSpecies>"  # type: ignore[arg-type]
        + f"<listOfReactions>{reaction or decay()}</listOfReactions>"
    )


TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'
