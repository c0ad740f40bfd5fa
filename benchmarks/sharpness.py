"""Two scorecards of the same published numbers: whose predictions are nearer and narrower.

    ketasim check --json > new.json        (and the same with another version)
    python benchmarks/sharpness.py old.json new.json

Rows with the same study, arms, endpoint, statistic, time and published number. CRPS of both (Student's t with 5 degrees of freedom, as in the frozen scorer) in the
older version's SDs, sum over rows with its standard error over studies; and the width of the 80 % interval without sampling error, new over old (geometric mean). In sample for
both: the numbers that a version was fitted to are among them.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.evidence.compare.left_out import kind_of
from ketasim.evidence.compare.scorer import crps, total_over_studies

KEY = ("study", "arm", "versus", "endpoint", "scale", "statistic", "time_h")


def rows_of(path: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by what they are about and the number that was published."""
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {(*(row[key] for key in KEY), round(row["observed"], 4)): row for row in rows if not row["sign"]}


def sds(row: dict[str, Any]) -> tuple[float, float]:
    """SD of the prediction with and without sampling error, scale of comparison."""
    own = math.hypot(row["tau"], row["model_sd"])
    return math.hypot(own, row["se"]), own


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    asked = parser.parse_args()
    old, new = rows_of(asked.old), rows_of(asked.new)
    both = [key for key in old if key in new]
    print(f"{len(old)} and {len(new)} numbers, {len(both)} of them the same")
    groups = {"clinical": ("mood", "ideation", "acute effects"), "mood": ("mood",), "acute effects": ("acute effects",)}
    for name, kinds in (groups | {"concentrations": ("concentrations",)}).items():
        names, gains, widths = [], [], []
        for key in both:
            if kind_of(old[key]["endpoint"]) not in kinds:
                continue
            (sd_old, own_old), (sd_new, own_new) = sds(old[key]), sds(new[key])
            a, b = (crps(row["z"] * sd, 0.0, sd) for row, sd in ((old[key], sd_old), (new[key], sd_new)))
            names.append(key[0])
            gains.append((a - b) / sd_old)
            widths.append(math.log(own_new / own_old))
        gain, se = total_over_studies(names, gains)
        width = float(np.exp(np.mean(widths))) if widths else math.nan
        print(
            f"{name:15s} {len(names):4d} numbers, {len(set(names)):3d} studies: CRPS better by {gain:+.1f} (SE {se:.1f}) of the old SDs, width {width:.2f} of the old"
        )


if __name__ == "__main__":
    main()
