"""`python release/public.py [--write | --release]`: what users may lean on, and what of it went since release/public.json was written.

Public are the names of `ketasim.__all__` with their arguments and members, the commands with their options, and the outputs with their units. Within a major version
nothing of it goes without a minor version in which it warns (`core/deprecated.py`); new names and new optional arguments are free. Exit 1 if something went.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

PLACE = Path(__file__).resolve().parent / "public.json"
SIMPLE = (bool, int, float, str, type(None))


def surface() -> dict[str, Any]:
    """Names, commands and outputs as they are now."""
    import typer.main

    import ketasim
    from ketasim.cli.main import app
    from ketasim.core import output_register

    names = [name for name in ketasim.__all__ if name != "__version__"]
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {
        "python": {name: _thing(getattr(ketasim, name)) for name in names},
        "commands": {
            name: sorted({option for parameter in command.params for option in parameter.opts})
            for name, command in sorted(commands.items())
        },
        "outputs": {name: entry.unit for name, entry in sorted(output_register().items())},
    }


def _thing(thing: Any) -> dict[str, Any]:
    if inspect.isfunction(thing):
        return {"arguments": _arguments(thing)}
    names = {*dir(thing), *getattr(thing, "__dataclass_fields__", ())}
    return {"members": sorted(name for name in names if not name.startswith("_"))}


def _arguments(function: Any) -> dict[str, list[Any]]:
    """name -> [kind, default]; `required` where there is none, `...` where it is no plain number or text."""
    found: dict[str, list[Any]] = {}
    for name, one in inspect.signature(function).parameters.items():
        plain = one.default if isinstance(one.default, SIMPLE) else "..."
        found[name] = [one.kind.name, "required" if one.default is one.empty else plain]
    return found


def broken(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What somebody who leaned on `before` has lost: sentences."""
    found = []
    for name, was in before["python"].items():
        has = now["python"].get(name)
        if has is None:
            found.append(f"ketasim.{name} is gone")
            continue
        found += [
            f"ketasim.{name} has no {m} any more" for m in was.get("members", ()) if m not in has.get("members", ())
        ]
        found += _lost(name, was.get("arguments", {}), has.get("arguments", {}))
    for name, options in before["commands"].items():
        has = now["commands"].get(name)
        if has is None:
            found.append(f"the command {name} is gone")
        else:
            found += [f"ketasim {name} has no {option} any more" for option in options if option not in has]
    for name, unit in before["outputs"].items():
        if now["outputs"].get(name, "gone") != unit:
            found.append(f"the output {name} was in {unit or 'no unit'} and is {now['outputs'].get(name, 'gone')}")
    return found


def _lost(name: str, was: dict[str, list[Any]], has: dict[str, list[Any]]) -> list[str]:
    found = []
    for argument, told in was.items():
        if argument not in has:
            found.append(f"ketasim.{name} takes no {argument} any more")
        elif has[argument] != told:
            found.append(f"ketasim.{name}: {argument} was {told} and is {has[argument]}")
    placed = [a for a, told in was.items() if told[0] == "POSITIONAL_OR_KEYWORD"]
    here = [a for a, told in has.items() if told[0] == "POSITIONAL_OR_KEYWORD"]
    if all(a in has for a in placed) and here[: len(placed)] != placed:
        found.append(f"ketasim.{name}: the order of {', '.join(placed)} has changed")
    new = [a for a in has if a not in was and has[a][1] == "required" and not has[a][0].startswith("VAR_")]
    return found + [f"ketasim.{name} cannot be called without {argument} any more" for argument in new]


def unlisted(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names, commands and outputs that are new; a release lists them."""
    return [f"{PLACE.name} does not list {name}" for kind in now for name in now[kind] if name not in before[kind]]


def main() -> int:
    """Compare, or write anew; `--release` fails on what is not listed too."""
    now = surface()
    if "--write" in sys.argv:
        PLACE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        return 0
    before = json.loads(PLACE.read_text(encoding="utf-8"))
    found = broken(before, now) + (unlisted(before, now) if "--release" in sys.argv else [])
    print("\n".join(found) or "nothing that users may lean on has gone")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
