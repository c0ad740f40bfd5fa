"""How a predictive distribution is scored against a published number. Frozen: see docs/decisions/0004-baseline-rival-scorer.md.

A prediction is Student's t with `FREEDOM` degrees of freedom around its mean, scaled to the SD it claims; sampling error of the number is
part of that SD. Model, naive baseline and rival are scored with the same functions. Sums and means over rows have standard errors over
studies (rows of a study are not independent); a study counts once in figures "by study".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import betaln, ndtr

Array = NDArray[np.float64]
FREEDOM = 5.0
LEVELS = (50, 80, 95)


def scale_of_sd(freedom: float = FREEDOM) -> float:
    """Scale of a t distribution whose SD is 1: sqrt((nu - 2) / nu)."""
    return math.sqrt((freedom - 2.0) / freedom)


def edge(level: float, freedom: float = FREEDOM) -> float:
    """Half width of the central interval of `level` percent, in SDs."""
    return scale_of_sd(freedom) * float(stats.t.ppf(0.5 + level / 200.0, freedom))


def log_score(y: float, mean: float, sd: float, freedom: float = FREEDOM) -> float:
    """Log density of y; larger is better."""
    s = scale_of_sd(freedom) * sd
    return float(stats.t.logpdf((y - mean) / s, freedom)) - math.log(s)


def crps(y: float, mean: float, sd: float, freedom: float = FREEDOM) -> float:
    """Continuous ranked probability score, integral of (F(x) - 1[x >= y])^2; smaller is better, in the unit of y.

    s [z (2 F(z) - 1) + 2 f(z) (nu + z^2) / (nu - 1) - 2 sqrt(nu) / (nu - 1) B(1/2, nu - 1/2) / B(1/2, nu/2)^2], z = (y - mean) / s
    (Jordan 2019, doi:10.18637/jss.v090.i12, appendix A).
    """
    s = scale_of_sd(freedom) * sd
    z = (y - mean) / s
    f, below = float(stats.t.pdf(z, freedom)), float(stats.t.cdf(z, freedom))
    constant = 2.0 * math.sqrt(freedom) / (freedom - 1.0)
    constant *= math.exp(float(betaln(0.5, freedom - 0.5)) - 2.0 * float(betaln(0.5, freedom / 2.0)))
    return s * (z * (2.0 * below - 1.0) + 2.0 * f * (freedom + z**2) / (freedom - 1.0) - constant)


def crps_normal(y: float, mean: float, sd: float) -> float:
    """The same score of a normal distribution: sd [z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)]."""
    z = (y - mean) / sd
    density = math.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    return sd * (z * (2.0 * float(ndtr(z)) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))


def pit(y: float, mean: float, sd: float, freedom: float = FREEDOM) -> float:
    """Probability integral transform, F(y): even over (0, 1) if the predictions are honest."""
    return float(stats.t.cdf((y - mean) / (scale_of_sd(freedom) * sd), freedom))


@dataclass(frozen=True, slots=True)
class Scored:
    """A published number under one prediction. study : what counts once; kind : for figures by kind; y, mean, sd : scale of comparison."""

    study: str
    kind: str
    y: float
    mean: float
    sd: float

    @property
    def z(self) -> float:
        """Distance in SDs."""
        return (self.y - self.mean) / self.sd


def total_over_studies(names: Sequence[str], gains: Sequence[float]) -> tuple[float, float]:
    """Sum over rows and its standard error over studies: with g the sums of S studies, sum g and sqrt(S) times their SD (n - 1)."""
    sums: dict[str, float] = {}
    for name, gain in zip(names, gains, strict=True):
        sums[name] = sums.get(name, 0.0) + gain
    g = np.array(list(sums.values()))
    if not len(g):
        return 0.0, 0.0
    return float(g.sum()), float(math.sqrt(len(g)) * g.std(ddof=1)) if len(g) > 1 else math.inf


def by_study(names: Sequence[str], numbers: Sequence[float]) -> float:
    """Mean over studies of the mean within each."""
    groups: dict[str, list[float]] = {}
    for name, number in zip(names, numbers, strict=True):
        groups.setdefault(name, []).append(number)
    return float(np.mean([np.mean(group) for group in groups.values()]))


def coverage(rows: Sequence[Scored]) -> dict[str, float]:
    """Share of the numbers inside the central intervals, by row."""
    return {f"coverage{level}": float(np.mean([abs(r.z) <= edge(level) for r in rows])) for level in LEVELS}


def coverage_by_study(rows: Sequence[Scored]) -> dict[str, float]:
    """The same, a study counting once."""
    names = [r.study for r in rows]
    return {f"coverage{level}": by_study(names, [float(abs(r.z) <= edge(level)) for r in rows]) for level in LEVELS}


def compare(rows: Sequence[Scored], against: Sequence[Scored]) -> dict[str, float]:
    """Log score and CRPS of a prediction over another of the same numbers. Positive = better than `against`.

    log_score_gain : sum over rows, natural log. crps_gain : sum over rows of (CRPS against - CRPS own) / SD that `against` claims, so that
    numbers of different units count alike. Standard errors over studies.
    """
    names = [r.study for r in rows]
    logs = [log_score(r.y, r.mean, r.sd) - log_score(o.y, o.mean, o.sd) for r, o in zip(rows, against, strict=True)]
    ranks = [(crps(o.y, o.mean, o.sd) - crps(r.y, r.mean, r.sd)) / o.sd for r, o in zip(rows, against, strict=True)]
    (gain, gain_se), (sharp, sharp_se) = total_over_studies(names, logs), total_over_studies(names, ranks)
    return {"log_score_gain": gain, "log_score_gain_se": gain_se, "crps_gain": sharp, "crps_gain_se": sharp_se}


def summary(rows: Sequence[Scored], against: Sequence[Scored]) -> dict[str, object]:
    """Coverage by row and by study, gains over another prediction, and mean width of the 80 % interval over that of the other."""
    if not rows:
        return {"studies": 0, "values": 0}
    ratio = [r.sd / o.sd for r, o in zip(rows, against, strict=True)]
    return {
        "studies": len({r.study for r in rows}),
        "values": len(rows),
        **coverage(rows),
        "by_study": coverage_by_study(rows),
        **compare(rows, against),
        "width_ratio": float(np.exp(np.mean(np.log(ratio)))),
    }
