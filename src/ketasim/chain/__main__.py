"""`python -m ketasim.chain whole | check [STAGE] | text PART... | show NAME`: tools for those who work on the stages."""

from __future__ import annotations

import sys

from ketasim.core import KetasimError, UsageError

from .compose import compose
from .lint import all_unrest, lint
from .show import explain
from .whole import whole_path, write_whole

USAGE = "python -m ketasim.chain whole | check [STAGE] | text PART ... | show NAME"


def main(words: list[str]) -> int:
    """Run one of the tools; the return value is the exit status."""
    match words:
        case ["whole"]:
            print(f"{whole_path().name} " + ("written" if write_whole() else "was current"))
        case ["check", *rest] if len(rest) < 2:
            problems = lint(*rest)
            problems += [] if problems else all_unrest(*rest)
            print("\n".join(str(problem) for problem in problems) or "no problem")
            return 1 if problems else 0
        case ["text", *parts]:
            print(compose(tuple(parts)).antimony, end="")
        case ["show", name]:
            print("\n".join(explain(name).lines()))
        case _:
            raise UsageError("no such tool of the chain", allowed=USAGE)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KetasimError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
