"""Published number against prediction: the scale on which they are compared, sampling error, spread between studies.

Shares on the logit scale with half a person added to both sides, ratios, times, concentrations and SDs on the log scale,
correlations on Fisher's scale, everything else as it is. The rows of a study share its effects, so they are one
multivariate normal, not independent numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ketasim.core import value
from ketasim.core.arrays import Array

from ..arms.endpoints import family, scale_of
from ..published.studies import SHARES, Row, Study
from ..published.study import trials
from .design import ROUTES, first_arm, main_dose
from .escalc import log_odds_ratio, log_risk_ratio, risk_difference, smd_variance

Z95 = 1.959963984540054
SECOND_HAND = ("third_party", "press", "digitised")
TAUS = (
    "tau_mood_setting",
    "tau_mood_late",
    "tau_mood_drug",
    "tau_routine",
    "tau_plasma",
    "tau_plasma_mouth",
    "tau_receptor",
    "tau_dissociation",
    "tau_vital",
    "tau_report",
    "tau_correlation",
    "tau_share",
    "tau_spread",
    "tau_relapse",
    "within_study_mood",
    "within_study_effect",
    "within_study_measurement",
    "pool_share",
)
# those that stand between studies of mood
MOOD_TAUS = (
    "tau_mood_setting",
    "tau_mood_late",
    "tau_mood_drug",
    "tau_routine",
    "tau_share",
    "tau_spread",
    "tau_relapse",
)
# those of concentrations: given by vein, nose or needle, and taken by mouth (swallowed or through its mucosa)
PLASMA_TAUS = ("tau_plasma", "tau_plasma_mouth")
# those of acute effects
ACUTE_TAUS = ("tau_dissociation", "tau_vital", "tau_report", "tau_correlation")
_FAMILY_TAU = {
    "plasma": "tau_plasma",
    "plasma by mouth": "tau_plasma_mouth",
    "receptor": "tau_receptor",
    "report": "tau_report",
    "correlation": "tau_correlation",
    "share": "tau_share",
    "spread": "tau_spread",
    "relapse": "tau_relapse",
}
OTHER_DIAGNOSES = frozenset(("bipolar", "ptsd", "ocd", "anxiety", "parkinson"))
LEAST_SE = 1e-3
SMALLEST = 1e-9


def number(key: str) -> float:
    """A value of knowledge/values/evidence.toml."""
    return value(f"evidence.{key}").value


@dataclass(frozen=True, slots=True)
class Observed:
    """A row ready for comparison: y and its sampling error on the scale of comparison; people behind a share; MADRS points per point of the scale."""

    row: Row
    kind: str
    y: float
    se: float
    people: float
    points: float = 1.0

    def forward(self, natural: float) -> float:
        """The scale of comparison for a value in the row's unit."""
        if self.kind == "logit":
            p = min(max(natural, 0.0), 1.0)
            n = self.people
            return math.log((n * p + 0.5) / (n * (1.0 - p) + 0.5))
        if self.kind == "log":
            return math.log(max(natural, SMALLEST))
        if self.kind == "fisher":
            return math.atanh(min(max(natural, -0.999), 0.999))
        return natural

    def backward(self, y: float) -> float:
        """The row's unit for a value on the scale of comparison."""
        if self.kind == "logit":
            return min(max(_share_back(y, self.people), 0.0), 1.0)
        if self.kind == "log":
            return math.exp(min(y, 700.0))
        if self.kind == "fisher":
            return math.tanh(y)
        return y


def _share_back(y: float, n: float) -> float:
    odds = math.exp(min(y, 700.0))
    return ((odds * (n + 0.5)) - 0.5) / (n * (1.0 + odds))


def arm_size(study: Study, row: Row, key: str) -> float:
    """People behind an arm of a row: of the row, of the arm, or the study's share."""
    if key == row.arm and row.n > 0 and (not row.versus or row.n_versus > 0):
        return row.n
    if key == row.versus and row.n_versus > 0:
        return row.n_versus
    if "+" in key:
        sizes = [study.arms[part].n for part in key.split("+")]
        if not any(math.isnan(size) for size in sizes):
            return float(sum(sizes))
    arm = study.arms.get(key)
    if arm is not None and arm.n > 0:
        return arm.n
    if row.n > 0:
        return row.n / (2 if row.versus else 1)
    return study.n / max(len(study.arms), 1) if study.n > 0 else number("assumed_arm_size")


def observed(study: Study, row: Row, points: float = 1.0) -> Observed:
    """A row with its sampling error. points : MADRS points per point of the row's scale, for an assumed SD."""
    kind = scale_of(row, SHARES)
    n = max(arm_size(study, row, row.arm), 2.0)
    m = max(arm_size(study, row, row.versus), 2.0) if row.versus else math.inf
    made = Observed(row, kind, 0.0, 1.0, _people(row, n) if kind == "logit" else n, points)
    y = made.forward(row.value)
    return replace(made, y=y, se=max(_error(study, row, made, n, m, points), LEAST_SE))


def _people(row: Row, n: float) -> float:
    """People behind a share: those reported, or, for pooled shares with an interval, as many as give that interval."""
    if row.low < row.high and 0 < row.value < 1:
        half = (row.high - row.low) / (2 * Z95)
        return max(row.value * (1 - row.value) / half**2, 2.0)
    return n


def _error(study: Study, row: Row, made: Observed, n: float, m: float, points: float) -> float:
    kind, v = made.kind, row.value
    if kind == "logit":
        p = min(max(v, 0.0), 1.0)
        return math.sqrt(1.0 / (made.people * p + 0.5) + 1.0 / (made.people * (1 - p) + 0.5))
    if kind == "fisher":
        return 1.0 / math.sqrt(max(n - 3.0, 1.0))
    if row.se > 0:
        return row.se / max(abs(v), SMALLEST) if kind == "log" else row.se
    if row.low < row.high and (kind != "log" or row.low > 0):
        a, b = (made.forward(row.low), made.forward(row.high))
        return (b - a) / (2 * Z95)
    if row.statistic == "change_sd":
        return 1.0 / math.sqrt(2.0 * max(n - 1.0, 1.0))
    shares = 1.0 / n + (0.0 if math.isinf(m) else 1.0 / m)
    if row.is_share_contrast or row.statistic == "hazard_ratio":
        return _share_contrast_error(study, row, n, m)
    if row.statistic == "smd":
        return math.sqrt(smd_variance(v, n, m)) if not math.isinf(m) else math.sqrt(1.0 / n + v**2 / (2.0 * n))
    if row.statistic in ("median_time", "mean_time", "product_limit_mean"):
        return math.sqrt(2.0 * shares)  # exponential times, half of the people with the event: 1 / events
    if kind == "log":
        spread = row.sd / max(abs(v), SMALLEST) if row.sd > 0 else number("assumed_log_sd")
        return spread * math.sqrt(shares)
    if row.sd > 0:
        return row.sd * math.sqrt(shares)
    if family(row) == "vital":
        return number("assumed_pressure_sd") * math.sqrt(shares)
    if family(row) == "dissociation":
        return max(abs(v), 1.0) * math.sqrt(shares)
    return number("assumed_change_sd") / points * math.sqrt(shares)


def _share_contrast_error(study: Study, row: Row, n: float, m: float) -> float:
    """Standard error of a ratio of odds, risks or hazards (log) or a difference of shares, from counts (compare.escalc).

    The shares are those that the study prints for the two arms at the same time; where it prints none, the usual share of people with an
    event. A hazard ratio has the variance 1 / events of the one arm + 1 / events of the other.
    """
    p, q = (_printed_share(study, row, keys) for keys in (row.arm_keys, row.versus_keys))
    m = n if math.isinf(m) else m
    cells = (n * p, n * (1.0 - p), m * q, m * (1.0 - q))
    if row.statistic == "hazard_ratio":
        return math.sqrt(1.0 / max(cells[0], 0.5) + 1.0 / max(cells[2], 0.5))
    made = {"odds_ratio": log_odds_ratio, "risk_ratio": log_risk_ratio, "difference": risk_difference}[row.statistic]
    return math.sqrt(made(*cells)[1])


def _printed_share(study: Study, row: Row, keys: tuple[str, ...]) -> float:
    """The share that the study prints for an arm at the time of a contrast of shares; else the usual one."""
    wanted = row.of or "share_event"
    for other in study.rows:
        alike = (
            other.statistic == wanted and other.endpoint == row.endpoint and other.arm_keys == keys and not other.among
        )
        if alike and (other.time_h == row.time_h or math.isnan(row.time_h)):
            return other.value
    return number("assumed_event_share")


def widening(study: Study, row: Row) -> float:
    """Extra spread in units of the spread between studies: second-hand numbers, other diagnoses, animals."""
    squared = number("widen_second_hand") ** 2 if row.provenance in SECOND_HAND else 0.0
    if study.group == "animal":
        squared += number("widen_animal") ** 2
    elif family(row) == "mood" and set(study.population_flags) & OTHER_DIAGNOSES:
        squared += number("widen_other_diagnosis") ** 2
    return math.sqrt(squared)


@dataclass(frozen=True)
class StudyBlock:
    """The compared rows of one study, or of all studies of the same patients (`others`), which share one set of effects.

    slopes: effect name -> derivative of every prediction (scale of comparison).
    """

    study: Study
    rows: tuple[Observed, ...]
    others: tuple[Study, ...] = ()

    @property
    def studies(self) -> tuple[Study, ...]:
        """All studies of the block."""
        return (self.study, *self.others)

    def study_of(self, row: Observed) -> Study:
        """The study of a row."""
        return next((s for s in self.others if s.id == row.row.study), self.study)

    @property
    def y(self) -> Array:
        """Observed values on the scale of comparison."""
        return np.array([r.y for r in self.rows])

    def sampling(self, signs: Array) -> Array:
        """Covariance of sampling errors: rows of the same arm share patients. signs : +1 or -1, direction of each row in the drive."""
        se = np.array([r.se for r in self.rows])
        rho = number("repeat_correlation")
        arms = [{(r.row.study, key) for key in (*r.row.arm_keys, *r.row.versus_keys)} for r in self.rows]
        same = np.array([[bool(a & b) for b in arms] for a in arms])
        kinds = [family(r.row) for r in self.rows]
        alike = np.array([[a == b for b in kinds] for a in kinds])
        shape = np.where(same & alike, rho * np.outer(signs, signs), 0.0)
        np.fill_diagonal(shape, 1.0)
        return _nearest_positive(shape) * np.outer(se, se)

    def between(self, slopes: dict[str, Array], taus: dict[str, float]) -> Array:
        """Covariance of the spread between studies, (rows, rows). slopes : setting, late, drug, felt, vital -> (rows,).

        B = sum over effects and kinds k of tau_k^2 [rho_k d_k d_k' + diag((1 - rho_k + w^2) d_k^2)], times s + (1 - s) / sqrt(n n'): what all rows of a
        study share, what each has of its own, and the widening w of its row. d: slopes of an effect, or 1 for the rows of a kind; n: trials behind a row. Trials
        of one pool differ from the model in part together (s: they are alike in design, sites and years), and only the rest averages out.
        """
        count = len(self.rows)
        found, own = np.zeros((count, count)), np.zeros(count)
        pairs = [
            ("setting", "tau_mood_setting", "within_study_mood"),
            ("late", "tau_mood_late", "within_study_mood"),
            ("drug", "tau_mood_drug", "within_study_mood"),
            ("felt", "tau_dissociation", "within_study_effect"),
            ("vital", "tau_vital", "within_study_effect"),
        ]
        directions = [(slopes[effect], tau, share) for effect, tau, share in pairs]
        directions.append((slopes["setting"] * self._routine, "tau_routine", "within_study_mood"))
        directions += [(here, tau, "within_study_measurement") for tau, here in self._of_its_own.items()]
        for direction, tau, share in directions:
            if not direction.any():
                continue
            variance = (taus[tau] * direction) ** 2
            found += taus[share] * taus[tau] ** 2 * np.outer(direction, direction)
            own += (1.0 - taus[share] + self._widened) * variance
        alike = taus["pool_share"]
        return np.asarray((found + np.diag(own)) * (alike + (1.0 - alike) / self._trials))

    @cached_property
    def _routine(self) -> Array:
        """1 for rows from ordinary practice, 0 else, (rows,)."""
        return np.array([float(self._is_routine(r)) for r in self.rows])

    @cached_property
    def _of_its_own(self) -> dict[str, Array]:
        """Spread of a kind of rows -> 1 for its rows, 0 else; kinds without a row here are left out."""
        kinds = [self._own(r) for r in self.rows]
        return {tau: np.array([float(k == kind) for k in kinds]) for kind, tau in _FAMILY_TAU.items() if kind in kinds}

    @cached_property
    def _widened(self) -> Array:
        """Square of the widening of each row, (rows,)."""
        return np.array([widening(self.study_of(r), r.row) ** 2 for r in self.rows])

    @cached_property
    def _trials(self) -> Array:
        """sqrt(n n') of the trials behind two rows, (rows, rows)."""
        root = np.sqrt([trials(self.study_of(r)) for r in self.rows])
        return np.asarray(np.outer(root, root))

    def _is_routine(self, row: Observed) -> bool:
        """Whether a row comes from ordinary practice, where clinics differ more than trials do."""
        arms = self.study_of(row).arms
        return any(key in arms and arms[key].setting == "routine" for key in row.row.arm_keys)

    def _own(self, row: Observed) -> str:
        if row.row.is_sign:
            return ""
        if row.row.statistic == "change_sd":
            return "spread"
        if row.row.endpoint == "relapse":
            return "relapse"
        if family(row.row) == "mood" and row.kind == "logit":
            return "share"
        if family(row.row) == "plasma":
            return "plasma by mouth" if self._is_by_mouth(row) else "plasma"
        return "report" if row.row.endpoint == "moaas" else family(row.row)

    def _is_by_mouth(self, row: Observed) -> bool:
        """Whether the main drug of a row's arm is swallowed or goes through the mucosa of the mouth, where availability and speed vary most."""
        arm = first_arm(self.study_of(row), row.row)
        return ROUTES.get(main_dose(arm.words, arm.repeat, tuple(arm.with_))[1], "oral") == "oral"


def _nearest_positive(shape: Array) -> Array:
    """The correlation matrix with eigenvalues held above zero and a unit diagonal."""
    w, v = np.linalg.eigh(shape)
    if w.min() > 1e-6:
        return shape
    mended = (v * np.maximum(w, 1e-6)) @ v.T
    scale = np.sqrt(np.diag(mended))
    return np.asarray(mended / np.outer(scale, scale))


def log_density(residual: Array, covariance: Array) -> float:
    """Log of the multivariate normal density of a residual."""
    chol = np.linalg.cholesky(covariance)
    z = np.linalg.solve(chol, residual)
    return float(-0.5 * z @ z - np.log(np.diag(chol)).sum() - 0.5 * len(residual) * math.log(2.0 * math.pi))


def taus_of(replaced: Sequence[tuple[str, float]] | dict[str, float] | None = None) -> dict[str, float]:
    """The spreads between studies by name, some replaced."""
    found = {key: number(key) for key in TAUS}
    return found | {k: float(v) for k, v in dict(replaced or {}).items() if k in found}
