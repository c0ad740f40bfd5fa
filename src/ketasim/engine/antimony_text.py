"""Antimony to SBML through the antimony package.

The time it takes grows steeply with long chains of assignment rules. Texts with many rules are therefore converted
in a process of their own, which is ended after a while: a text can be refused, but it cannot hang its reader.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from typing import Any

from ketasim.core import UsageError

DEEPEST_FORMULA = 400  # nested brackets
MOST_RULES_AT_ONCE = 300  # assignment rules converted in this process
LONGEST = 120.0  # s


def antimony_to_sbml(text: str) -> str:
    """SBML of the main model in an Antimony text; raises UsageError."""
    if re.search(r"^\s*import\s", text, flags=re.MULTILINE):
        raise UsageError("an Antimony text may not import other files", where="import", fix="put all models into one text")
    depth = 0
    for character in text:
        depth += (character in "({[") - (character in ")}]")
        if depth > DEEPEST_FORMULA:
            raise UsageError("brackets are nested too deeply", allowed=f"at most {DEEPEST_FORMULA} levels")
    if text.count(":=") <= MOST_RULES_AT_ONCE:
        found = convert(text)
    else:
        try:
            done = subprocess.run([sys.executable, "-m", __name__], input=json.dumps(text).encode(), check=False,
                                  capture_output=True, timeout=LONGEST)
            found = json.loads(done.stdout) if done.returncode == 0 else {"error": "the converter ended", "where": ""}
        except subprocess.TimeoutExpired:
            raise UsageError(f"the Antimony text cannot be converted within {LONGEST:g} s",
                             allowed="SBML, or fewer rules that depend on each other") from None
    if "error" in found:
        raise UsageError(found["error"], where=found["where"])
    return found["sbml"]


def convert(text: str) -> dict[str, str]:
    """`sbml`, or `error` and `where`."""
    antimony: Any = importlib.import_module("antimony")
    antimony.clearPreviousLoads()
    try:
        if antimony.loadAntimonyString(text) < 0:
            return {"error": "the model text is not valid Antimony", "where": _line(antimony.getLastError())}
        sbml = antimony.getSBMLString(antimony.getMainModuleName())
        if not sbml:
            return {"error": "the Antimony model cannot be written as SBML",
                    "where": _line(antimony.getSBMLErrors() or antimony.getLastError())}
        return {"sbml": str(sbml)}
    finally:
        antimony.clearPreviousLoads()


def _line(message: Any) -> str:
    return str(message or "").strip()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(convert(json.loads(sys.stdin.read()))))
