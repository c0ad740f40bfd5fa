"""What was measured in one person, as intervals on its own scale, and how likely that is for the members of a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np

from ketasim.core import knowledge_path, log_sum_exp, output_register, read_toml, stream, value
from ketasim.core.arrays import Array, IntArray
from ketasim.forward import molar_mass
from ketasim.ratings.between import shift
from ketasim.ratings.observation import drive_at, share_of
from ketasim.ratings.scales import per_point, rater_factor
from ketasim.ratings.setting import USUAL_SETTING
from ketasim.ratings.thoughts import item_before

from .fields import mood_scales, scales
from .given import Given
from .likelihood import Conditioned, Noise, Taken, inside
from .pool import CLINIC, Pool, Seen

Kind = Literal["mood", "ideation", "felt", "level", "pressure"]

WITHIN_SESSION_H = 24.0
PEAK_H = 4.0  # after the start of a session
START_H = 5.0 / 60.0  # a CADSS total dated at the start of a session is that of its peak
THOUGHTS = (
    "IDEATION",
    "SSI",
    "C-SSRS",
)  # scales of suicidal thoughts, each read as a share of its own total before the first dose
ITEM = "IDEATION"
FLOOR = 1e-3  # ng/mL; a level below cannot be told from none
SEED = 15


@dataclass(frozen=True, slots=True)
class Observation:
    """One measurement. low, high : ends of what it stands for, in its own unit (-inf, inf where it is a bound). text : in words. line : of the file.

    name : scale, output or "sbp" | "dbp". self_rated : by the person.
    """

    kind: Kind
    name: str
    time_h: float
    low: float
    high: float
    text: str
    line: int = 0
    self_rated: bool = False


@dataclass(frozen=True)
class Baseline:
    """Totals before the first dose by scale. Where a scale has none, that of another is carried over by the crosswalk of the evidence.

    none : scales of suicidal thoughts whose total was 0, which leaves nothing to foretell. setting : of the treatment, in which people without a
    total before the first dose are drawn.
    """

    totals: Mapping[str, float]
    none: tuple[str, ...] = ()
    setting: str = USUAL_SETTING

    @property
    def thoughts(self) -> str:
        """The scale of suicidal thoughts that is looked at ahead: the first with a total before the first dose, else the item of the MADRS."""
        return next((scale for scale in THOUGHTS if scale in self.totals), ITEM)

    def before(self, scale: str, pool: Pool) -> Array | float:
        """Total before the first dose as the members have it: as observed, else drawn, (N,). A scale of thoughts but the item needs its own."""
        if scale not in THOUGHTS:
            return self.of(scale, pool.minds.madrs)
        return self.totals[scale] if scale in self.totals else item_before(self.setting, pool.ratings)

    @property
    def madrs(self) -> float | None:
        """In MADRS points, None if nothing was rated."""
        for scale in mood_scales():
            if scale in self.totals:
                return self.totals[scale] * per_point(scale)
        return None

    def of(self, scale: str, members: Array) -> Array | float:
        """On a scale: its own; that of another scale; or, where nothing was rated, that of the members in MADRS points (N,)."""
        if scale in self.totals:
            return self.totals[scale]
        known = self.madrs
        return (members if known is None else known) / per_point(scale)


def drive_cut(scale: str, points: float | Array, baseline: Array | float, p: Mapping[str, Array]) -> Array:
    """Drive at which the score is `points` on a scale, (N,): -inf at the end of the scale and where nobody's score can be as high."""
    found = drive_at(share_of(points, baseline), p["link_ceiling"], p["link_slope"])
    return np.where(np.asarray(points) >= scales()[scale].high, -np.inf, found)


@dataclass(frozen=True)
class Learned:
    """Log likelihood of every observation for every member (n, N), in the order of `observations`; the mood ratings to go on from.

    above, below (n, N) : log probability of anything as high as that, as low as that, given the earlier ones.
    """

    observations: tuple[Observation, ...]
    table: Array
    above: Array
    below: Array
    mood: Conditioned

    @property
    def total(self) -> Array:
        """Of all of them, (N,)."""
        return np.asarray(self.table.sum(axis=0))

    def surprises(self, log_weight: Array) -> Array:
        """Two-sided chance (n,) of anything as far out as each observation, in the pool that has seen the earlier ones; `log_weight` (N,) before all."""
        found, log_w = np.ones(len(self.table)), np.where(np.isnan(log_weight), -np.inf, log_weight)
        for i, row in enumerate(self.table):
            total = log_sum_exp(log_w)
            if not np.isfinite(total):
                break
            tails = log_sum_exp(np.stack([self.above[i], self.below[i]]) + log_w, axis=1) - total
            found[i] = min(1.0, 2.0 * float(np.exp(tails.min())))
            log_w = log_w + np.where(np.isnan(row), -np.inf, row)
        return found


def learn(seen: Seen, observations: Sequence[Observation], baseline: Baseline) -> Learned:
    """How likely the observations are for the members of a pool.

    Mood and suicidal thoughts: the interval of each total given the earlier ones of both. Levels: log-normal around the course, with SDs of the clinic's assay, the occasion
    and the sample. CADSS and pressure: normal around the course.
    """
    pool = seen.pool
    found: dict[int, Taken] = {}
    known = Conditioned(Noise.of(pool.ratings))
    rated = [i for i, o in enumerate(observations) if o.kind in ("mood", "ideation")]
    if rated:
        times = [observations[i].time_h for i in rated]
        drives = {
            kind: seen.latent(times, ideation=kind == "ideation") for kind in {observations[i].kind for i in rated}
        }
        for column, i in enumerate(rated):
            o = observations[i]
            low, high = mood_interval(o, baseline, pool)
            drive = drives[o.kind][:, column] * rater_factor(o.self_rated)
            uniform = draw_inside(o, column, pool)
            found[i] = known.take(o.time_h, low - drive, high - drive, uniform, o.kind == "ideation")
    level = [i for i, o in enumerate(observations) if o.kind == "level"]
    if level:
        found |= dict(zip(level, _levels(seen, [observations[i] for i in level]), strict=True))
    for i, o in enumerate(observations):
        if o.kind == "felt":
            found[i] = _felt(seen, o)
        elif o.kind == "pressure":
            found[i] = _pressure(seen, o)
    taken = [found[i] for i in range(len(observations))]
    empty = np.zeros((0, len(pool)))
    table = np.stack([one.log_mass for one in taken]) if taken else empty
    above = np.stack([one.above for one in taken]) if taken else empty
    below = np.stack([one.below for one in taken]) if taken else empty
    return Learned(tuple(observations), table, above, below, known)


def mood_interval(o: Observation, baseline: Baseline, pool: Pool) -> tuple[Array, Array]:
    """The drives (N,) between which a total lies."""
    b, p = baseline.before(o.name, pool), pool.ratings
    low = np.full(len(pool), np.inf) if o.low <= scales()[o.name].low else None
    upper = low if low is not None else drive_cut(o.name, o.low, b, p)
    return drive_cut(o.name, o.high, b, p), np.asarray(upper)


def draw_inside(o: Observation, place: int, pool: Pool) -> Array:
    """Uniform numbers (N,) that place the draw inside the interval of the observation number `place`."""
    return _uniform(f"inside {o.name} {o.time_h:.4f} {place}", np.asarray(pool.minds.person, dtype=np.int64).tobytes())


@lru_cache(maxsize=64)
def _uniform(purpose: str, members: bytes) -> Array:
    found = stream(SEED, purpose, np.frombuffer(members, dtype=np.int64))
    found.setflags(write=False)
    return found


@cache
def _level_spread() -> Mapping[str, Mapping[str, float]]:
    return read_toml(knowledge_path() / "posterior" / "plasma_spread.toml")


def level_noise(route: str) -> tuple[float, float, float]:
    """SDs of the logarithm of a level around the course of a body: of a clinic's assay, of an occasion, of one sample."""
    found = _level_spread().get(route, _level_spread()["all"])
    return float(found["between"]), value("person.level_occasion").value, float(found["within"])


def level_course(seen: Seen, name: str, columns: IntArray) -> Array:
    """A concentration (ng/mL) of every row at some columns, (J, n)."""
    entry = output_register()[name]
    table = seen.arms.tables[seen.arm]
    found = sum(np.asarray(table[port])[:, columns] for port in entry.ports)
    return np.maximum(np.asarray(found) * molar_mass(entry.molar_mass), FLOOR)


def _levels(seen: Seen, levels: Sequence[Observation]) -> list[Taken]:
    """Levels for every member: of his row, given the earlier ones, in the same way as ratings of mood."""
    columns = seen.arms.columns([o.time_h for o in levels])
    rows = np.stack([np.log(level_course(seen, o.name, columns[[i]])[:, 0]) for i, o in enumerate(levels)])
    assay, occasion, sample = level_noise(route_of(seen.regimens))
    sessions = np.searchsorted(seen.noticed.sessions, [o.time_h + 1e-9 for o in levels])
    found: list[Taken] = []
    factors: list[list[float]] = []
    innovations: list[Array] = []
    for i, o in enumerate(levels):
        row: list[float] = []
        mean, variance = np.zeros(rows.shape[1]), assay**2 + occasion**2 + sample**2
        for j in range(i):
            cross = assay**2 + (occasion**2 if sessions[j] == sessions[i] else 0.0)
            cross -= sum(row[k] * factors[j][k] for k in range(j))
            row.append(cross / factors[j][j])
            mean = mean + row[j] * innovations[j]
            variance -= row[j] ** 2
        sd = float(np.sqrt(max(variance, 1e-12)))
        factors.append([*row, sd])
        centre = rows[i] + mean
        with np.errstate(divide="ignore"):
            a = (np.log(max(o.low, 0.0)) - centre) / sd if o.low > 0 else np.full(len(centre), -np.inf)
            b = (np.log(o.high) - centre) / sd
        uniform = stream(SEED, f"level {o.name} {o.time_h:.4f} {i}", len(centre))
        low, high = np.asarray(a), np.asarray(b)
        log_mass, z = inside(low, high, uniform)
        innovations.append(z)
        member = seen.pool.row
        found.append(Taken(log_mass[member], low[member], high[member]))
    return found


def route_of(given: Given) -> str:
    """Route of the doses of main drugs as the spread of levels names it; that of all where there are several."""
    names = {
        "iv": "intravenous",
        "nasal": "nasal",
        "oral": "oral",
        "sublingual": "mucosal",
        "im": "injected",
        "sc": "injected",
    }
    routes = {dose.route for one in given.placed for dose in one.regimen.every_dose() if dose.entry.is_main}
    return names.get(routes.pop(), "all") if len(routes) == 1 else "all"


def peak(seen: Seen, port: str, time_h: float) -> Array:
    """Highest of an output in the session around a time, (N,)."""
    times = seen.arms.times
    starts = seen.noticed.sessions
    before = starts[starts <= time_h + START_H]
    begin = before[-1] if before.size else time_h
    columns = np.flatnonzero((times >= begin - 1e-9) & (times <= begin + PEAK_H))
    return np.asarray(seen.output(port, columns).max(axis=1))


def _felt(seen: Seen, o: Observation) -> Taken:
    starts = seen.noticed.sessions
    at_start = bool(starts.size) and bool(np.any(np.abs(starts - o.time_h) <= START_H))
    course = peak(seen, "cadss", o.time_h) if at_start else seen.output("cadss", seen.arms.columns([o.time_h]))[:, 0]
    sd = np.hypot(value("person.felt_noise_floor").value, value("person.felt_noise").value * course)
    return Taken.of((o.low - course) / sd, (o.high - course) / sd)


def _pressure(seen: Seen, o: Observation) -> Taken:
    """A reading as a rise above rest; low and high are mmHg above the resting reading."""
    course = seen.output(f"{o.name}_rise", seen.arms.columns([o.time_h]))[:, 0]
    course = course + shift("vital", seen.pool.clinic["vital"])
    sd = value("person.pressure_noise").value * np.sqrt(2.0)  # the resting reading has the same noise
    return Taken.of((o.low - course) / sd, (o.high - course) / sd)


__all__ = [
    "CLINIC",
    "Baseline",
    "Learned",
    "Observation",
    "drive_cut",
    "learn",
    "level_course",
    "mood_interval",
    "peak",
]
