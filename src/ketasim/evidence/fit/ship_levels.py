"""Write what concentrations are without their study, and how far studies lie apart in them: `python -m ketasim.evidence.fit.ship_levels`.

After every fit of the plasma stage (minutes): knowledge/posterior/plasma_left_out.csv, and in knowledge/posterior/values.toml the spreads between studies of
concentrations, which no other value of the fit depends on. `--spreads` estimates these again from the file that ships.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence

from ketasim.core import KetasimError
from ketasim.core.posterior import folder

from ..arms.numbers import Numbers
from ..compare.likelihood import PLASMA_TAUS, taus_of
from ..compare.predict import Evidence, all_evidence
from .calibrate import narrowed, spread_between, widened
from .leave_out import linear
from .unseen_levels import all_unseen, read, write


def spreads(evidence: Evidence) -> dict[str, float]:
    """All spreads between studies by restricted likelihood at the mode that ships, concentrations without their cluster."""
    around = linear(evidence)
    residuals = [block.y - f for block, f in zip(evidence.blocks, around.base, strict=True)]
    slopes = evidence.slopes(Numbers(), around.base)
    return widened(
        spread_between(
            evidence.blocks, residuals, slopes, around.jacobian, narrowed(taus_of()), read(evidence, around.base)
        )
    )


def ship_spreads(taus: Mapping[str, float]) -> None:
    """Put the spreads of concentrations into knowledge/posterior/values.toml, where the other spreads of the fit stand."""
    path = folder() / "values.toml"
    text = path.read_text(encoding="utf-8")
    for key in PLASMA_TAUS:
        pattern = re.compile(rf'(\[values\."{key}"\]\nstart = [^\n]+\nmode = )[^\n]+')
        text, count = pattern.subn(rf"\g<1>{taus[key]:.6g}", text)
        if count != 1:
            raise KetasimError(f"{key} does not ship", where=str(path), fix="python -m ketasim.evidence.fit --ship")
    path.write_text(text, encoding="utf-8")


def tell(line: str) -> None:
    """One line of progress, over the last one."""
    print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.evidence.fit.ship_levels", description=__doc__)
    parser.add_argument("--spreads", action="store_true", help="only the spreads, from the file that ships")
    asked = parser.parse_args(arguments)
    evidence = all_evidence().only(lambda study: study.role == "fit")
    if not asked.spreads:
        print(write(all_unseen(evidence, tell), evidence))
    found = spreads(evidence)
    for key, now in taus_of().items():
        print(f"{key:24s} {now:8.4f} -> {found[key]:8.4f}")
    ship_spreads(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
