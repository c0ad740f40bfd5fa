"""The result of a run: courses with units, status of every person, ledger, summary, and the record behind them."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from ketasim.core import UsageError, output, output_register, unknown_name
from ketasim.core.arrays import AnyArray, Array, BoolArray
from ketasim.core.frozen import FrozenMapping
from ketasim.core.records import NOTICE, RunRecord
from ketasim.people import People
from ketasim.ratings.mood import Mood

from .care import withheld
from .plan import Scenario

LOW, HIGH = 5.0, 95.0
FIGURES = "ketasim.report.figures"  # named, not imported: this layer knows no report


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One dose asked for, and what of it was given: read back from the integration, typical person, mg (or the drug's unit).

    duration_h : of an infusion or a bolus, 0 for what is given at once.
    """

    time_h: float
    drug: str
    route: str
    asked_mg: float
    given_mg: float
    duration_h: float = 0.0

    @property
    def rate_mg_per_h(self) -> float | None:
        """The rate asked for, of an infusion or a bolus; None for what is given at once."""
        return self.asked_mg / self.duration_h if self.duration_h > 0 else None


@dataclass(frozen=True, slots=True)
class Failure:
    """A person whose integration failed; left out of every band, never a zero. person -1 is the typical one."""

    person: int
    time_h: float
    reason: str


@dataclass(frozen=True, slots=True)
class Course:
    """One output over time. typical (T,); people (P, T), rows of failed people are NaN; model (draws, T), the typical person
    under draws of the posterior, no rows without one. caution : why these numbers are no prediction (`Result.withheld`); empty for most."""

    name: str
    unit: str
    label: str
    time_h: Array
    typical: Array
    people: Array
    model: Array = field(default_factory=lambda: np.empty((0, 0)))
    caution: str = ""

    @property
    def count(self) -> int:
        """Number of people behind the bands."""
        return int(np.isfinite(self.people).all(axis=1).sum()) if self.people.size else 0

    def percentile(self, share: float) -> Array:
        """That percentile between people, (T,); NaN if nobody was simulated."""
        good = self._good()
        return percentiles(good, (share,))[0] if len(good) else np.full(len(self.time_h), np.nan)

    @property
    def low(self) -> Array:
        """5th percentile between people."""
        return self.percentile(LOW)

    @property
    def high(self) -> Array:
        """95th percentile between people."""
        return self.percentile(HIGH)

    @property
    def median(self) -> Array:
        """Median of the people."""
        return self.percentile(50.0)

    @property
    def mean(self) -> Array:
        """Mean of the people."""
        good = self._good()
        return good.mean(axis=0) if len(good) else np.full(len(self.time_h), np.nan)

    @property
    def model_low(self) -> Array | None:
        """5th percentile of the typical person over the posterior; None without a posterior."""
        return self._model(LOW)

    @property
    def model_high(self) -> Array | None:
        """95th percentile of the typical person over the posterior; None without a posterior."""
        return self._model(HIGH)

    def _model(self, share: float) -> Array | None:
        good = self.model[np.isfinite(self.model).all(axis=1)] if self.model.size else self.model
        return percentiles(good, (share,))[0] if len(good) else None

    def _good(self) -> Array:
        return self.people[np.isfinite(self.people).all(axis=1)] if self.people.size else self.people

    def to_dict(self, bands: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As in the JSON: unit, time_h, typical, median, mean, low, high, model_low, model_high, caution. bands : if they are known already."""
        found: dict[str, Any] = {"unit": self.unit, "time_h": plain(self.time_h), "typical": plain(self.typical)}
        if bands is None:
            good = self._good()
            bands = {key: plain(rows) for key, rows in _bands(good).items()} if len(good) else {}
        for key in ("median", "mean", "low", "high"):
            found[key] = bands[key] if bands else None
        for key in ("model_low", "model_high"):
            found[key] = bands[key] if bands and key in bands else plain(getattr(self, key))
        return found | {"caution": self.caution or None}


def lean(found: dict[str, Any]) -> dict[str, Any]:
    """The keys of the JSON, in their order; `caution` and `withheld` only where there is something to say, at the end."""
    outputs = {
        name: {key: item for key, item in course.items() if key != "caution" or item}
        for name, course in found["outputs"].items()
    }
    held = found["withheld"]
    kept = {key: outputs if key == "outputs" else item for key, item in found.items() if key != "withheld"}
    return kept | ({"withheld": held} if held else {})


def percentiles(people: AnyArray, shares: Sequence[float]) -> list[AnyArray]:
    """As `np.percentile` gives them (linear between neighbours) over the second last axis, that of the people.

    One sort of contiguous rows serves all shares; it takes a tenth of the time of the partitions that `np.percentile` makes.
    """
    rank = np.sort(np.ascontiguousarray(np.swapaxes(people, -1, -2)), axis=-1)
    found = []
    for share in shares:
        place = (rank.shape[-1] - 1) * share / 100.0
        below = int(place)
        first, last = rank[..., below], rank[..., min(below + 1, rank.shape[-1] - 1)]
        part = place - below
        found.append(first + (last - first) * part if part < 0.5 else last - (last - first) * (1.0 - part))
    return found


def _bands(people: Array) -> dict[str, Array]:
    """The bands over the second last axis, that of the people."""
    low, median, high = percentiles(people, (LOW, 50.0, HIGH))
    return {"median": median, "mean": people.mean(axis=-2), "low": low, "high": high}


@dataclass(frozen=True, repr=False)
class Result:
    """What a run gives. `outputs` at the times asked for, `fine` on the internal grid that follows the doses.

    values, grid_values : name -> (1 + P, T), the typical person first. people : the drawn people (P).
    model_values, model_grid_values : name -> (draws, T), the typical person under draws of the posterior; empty without one.
    rated : the drive of mood behind the scores (1 + P rows): the one place from which shares of responders and remitters come.
    follows : which times of grid_h follow the doses (all, if None); the others were only asked for, and no moment is read off them.
    """

    scenario: Scenario
    record: RunRecord
    people: People
    time_h: Array
    grid_h: Array
    values: Mapping[str, Array]
    grid_values: Mapping[str, Array]
    model_values: Mapping[str, Array] = field(default_factory=dict)
    model_grid_values: Mapping[str, Array] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    warnings: tuple[str, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    doses_h: tuple[float, ...] = ()
    follows: BoolArray | None = None
    rated: Mood | None = None

    def __post_init__(self) -> None:
        for name in ("values", "grid_values", "model_values", "model_grid_values", "summary"):
            object.__setattr__(self, name, FrozenMapping(getattr(self, name)))

    def __getitem__(self, name: str) -> Course:
        """The course of an output, by name or alias, at the times asked for."""
        if not isinstance(name, str):
            raise UsageError(
                f"{name!r} is no output", where="result[...]", allowed="the name of an output", fix='result["madrs"]'
            )
        return self._course(name, self.values, self.model_values, self.time_h)

    def fine(self, name: str) -> Course:
        """The same on the times that follow the doses, whatever times were asked for."""
        found = self._course(name, self.grid_values, self.model_grid_values, self.grid_h)
        if self.follows is None or self.follows.all():
            return found
        rows = {key: getattr(found, key)[..., self.follows] for key in ("time_h", "typical", "people")}
        return replace(found, **rows, model=found.model[:, self.follows] if found.model.size else found.model)

    def _course(self, name: str, table: Mapping[str, Array], model: Mapping[str, Array], times: Array) -> Course:
        entry = output(name)
        if entry.name not in table:
            raise unknown_name("output of this run", name, table)
        rows = table[entry.name]
        drawn = model.get(entry.name, np.empty((0, 0)))
        caution = self.withheld.get(entry.name, "")
        return Course(entry.name, entry.unit, entry.label, times, rows[0], rows[1:], drawn, caution)

    @cached_property
    def withheld(self) -> Mapping[str, str]:
        """Outputs whose numbers are no prediction, each with the reason: mood where no benefit is known, the body under anaesthesia."""
        return FrozenMapping({name: why for name, why in withheld(self.scenario).items() if name in self.values})

    def with_summary(self, summary: Mapping[str, Any]) -> Result:
        """The same run with its summary; what is withheld follows from the scenario and is not worked out again."""
        found = replace(self, summary=summary)
        found.__dict__["withheld"] = self.withheld
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    @cached_property
    def outputs(self) -> dict[str, Course]:
        """Every output at the times asked for, in register order."""
        return {name: self[name] for name in output_register() if name in self.values}

    @property
    def ok(self) -> int:
        """Number of people whose integration went through."""
        return len(self.people) - sum(f.person >= 0 for f in self.failures)

    @property
    def nobody(self) -> bool:
        """True if every run failed, that of the typical person too."""
        return bool(self.failures) and len(self.failures) > len(self.people)

    def cite(self) -> str:
        """The sources of every number that entered this run."""
        return self.record.cite()

    def caption(self) -> str:
        """The line printed under every figure and table."""
        band = f"band: 5th to 95th percentile of {self.ok} people" if self.ok else "typical person only"
        if self.model_values:
            band += (
                f"; dotted: 90 % credible interval of the typical person ({self.scenario.draws} draws of the posterior)"
            )
        changed = self.scenario.changed()
        return self.cautions() + (
            f"{band}; line: typical person. Setting {self.scenario.setting}{', masked' if self.scenario.masked else ''}. "
            + (f"Changed: {', '.join(changed)}. " if changed else "")
            + f"Ketasim {self.record.version}, model {self.record.model[:8]}, numbers {self.record.numbers[:8]}, "
            f"seed {self.record.seed}. {NOTICE}"
        )

    def cautions(self) -> str:
        """What of this result is withheld and why, one sentence a reason; empty where nothing is."""
        reasons = {why: [n for n in self.withheld if self.withheld[n] == why] for why in self.withheld.values()}
        return "".join(f"WITHHELD, no prediction: {', '.join(names)} ({why}). " for why, names in reasons.items())

    def to_dict(self) -> dict[str, Any]:
        """The object that `run --json` prints."""
        found = self.heading()
        summary = found.pop("summary")
        bands = self._bands_together()
        courses = {name: course.to_dict(bands.get(name)) for name, course in self.outputs.items()}
        return found | {"outputs": courses, "summary": summary}

    def _bands_together(self) -> dict[str, dict[str, list[float]]]:
        """The bands of every output in one pass, as lists; empty where people differ in what failed, each output then counts its own."""
        table = np.stack([course.people for course in self.outputs.values()])
        good = np.isfinite(table).all(axis=2)
        if not table.size or (good != good[0]).any() or not good[0].any():
            return {}
        found = _bands(table[:, good[0]])
        if self.model_values:
            drawn = np.stack([course.model for course in self.outputs.values()])
            if np.isfinite(drawn).all():
                found["model_low"], found["model_high"] = percentiles(drawn, (LOW, HIGH))
        lists = {key: rows.tolist() for key, rows in found.items()}
        return {name: {key: rows[i] for key, rows in lists.items()} for i, name in enumerate(self.outputs)}

    def heading(self) -> dict[str, Any]:
        """The same without the courses."""
        return {
            "scenario": self.scenario.settings(),
            "seed": self.record.seed,
            "version": self.record.version,
            "model": self.record.model,
            "numbers": self.record.numbers,
            "people": len(self.people),
            "ledger": [
                {
                    "time_h": row.time_h,
                    "drug": row.drug,
                    "route": row.route,
                    "asked_mg": plain(row.asked_mg),
                    "given_mg": plain(row.given_mg),
                    "duration_h": plain(row.duration_h),
                    "rate_mg_per_h": plain(row.rate_mg_per_h),
                }
                for row in self.ledger
            ],
            "status": {
                "ok": self.ok,
                "failed": [{"person": f.person, "time_h": plain(f.time_h), "reason": f.reason} for f in self.failures],
            },
            "withheld": dict(self.withheld),
            "summary": plain(dict(self.summary)),
        }

    def to_json(self, indent: int | None = 2) -> str:
        """`to_dict` as text: valid JSON, missing numbers are null."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    def __repr__(self) -> str:
        withheld = f"; withheld: {', '.join(self.withheld)}" if self.withheld else ""
        return (
            f"<Result of {self.scenario.title!r}: {len(self.values)} outputs, {self.ok} of {len(self.people)} people, "
            f"to {self.scenario.end_h / 24:g} d, seed {self.record.seed}{withheld}>"
        )

    def _repr_html_(self) -> str:
        """A short table for a notebook: every output, its typical course's end points, and the notice."""
        head = "<tr><th>output</th><th>unit</th><th>typical, largest</th><th>at</th><th>5th to 95th percentile there</th></tr>"
        lines = []
        for name, course in self.outputs.items():
            if not np.isfinite(course.typical).any():
                continue
            i = int(np.nanargmax(np.abs(course.typical)))
            band = f"{course.low[i]:.3g} to {course.high[i]:.3g}" if course.count else "not drawn"
            lines.append(
                f"<tr><td>{name}{' (withheld)' if course.caution else ''}</td><td>{course.unit}</td><td>{course.typical[i]:.3g}</td>"
                f"<td>{course.time_h[i]:.3g} h</td><td>{band}</td></tr>"
            )
        return f"<p><b>{escape(self.scenario.title)}</b></p><table>{head}{''.join(lines)}</table><p>{escape(self.caption())}</p>"

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the fields, without what can be worked out again."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def table(self) -> dict[str, AnyArray]:
        """One column per quantity, one entry per drawn person (P,): who they are and what each concentration reached.

        person, weight [kg], age [years], baseline [MADRS points]; for every concentration `NAME.cmax` [its unit], `NAME.tmax` [h]
        and `NAME.auc` [unit h] (trapezoid over the internal grid, first to last time of the run). `pandas.DataFrame(result.table())`.
        Failed people have NaN.
        """
        found: dict[str, AnyArray] = {
            "person": self.people.person,
            "weight": self.people.weight,
            "age": self.people.age,
            "baseline": self.people.madrs,
        }
        for name in self.grid_values:
            if not name.startswith(("plasma.", "arterial.")):
                continue
            rows = self.grid_values[name][1:]
            found[f"{name}.cmax"] = rows.max(axis=1) if rows.size else np.empty(0)
            found[f"{name}.tmax"] = np.where(
                np.isfinite(rows).all(axis=1), self.grid_h[np.argmax(np.nan_to_num(rows), axis=1)], np.nan
            )
            found[f"{name}.auc"] = np.asarray(np.trapezoid(rows, self.grid_h, axis=1))
        return found

    def to_xarray(self, fine: bool = False):  # type: ignore[no-untyped-def]
        """An xarray Dataset: one variable per output, dimensions person and time; units as attributes; covariates as coordinates.

        The dimension `person` holds the drawn people alone, so that means over it are means of people; the typical person stands
        beside them as `NAME.typical` (time). `fine`: on the internal grid instead of the times asked for.
        """
        import xarray

        table, times = (self.grid_values, self.grid_h) if fine else (self.values, self.time_h)
        names = [name for name in output_register() if name in table]
        register = output_register()
        data: dict[str, Any] = {}
        for name in names:
            entry = register[name]
            words = {"units": entry.unit, "long_name": entry.label, "site": entry.site, "scale": entry.scale}
            attributes = {key: value for key, value in words.items() if value}
            data[name] = (("person", "time"), table[name][1:], attributes)
            data[f"{name}.typical"] = (("time",), table[name][0], attributes)
        people = self.people
        return xarray.Dataset(
            data,
            coords={
                "person": people.person,
                "weight": ("person", people.weight, {"units": "kg"}),
                "age": ("person", people.age, {"units": "years"}),
                "baseline": ("person", people.madrs, {"units": "points", "long_name": "MADRS before treatment"}),
                "time": ("time", times, {"units": "h", "long_name": "Time from the first main dose"}),
            },
            attrs={
                "scenario": self.scenario.title,
                "seed": self.record.seed,
                "version": self.record.version,
                "model": self.record.model,
                "notice": NOTICE,
            },
        )

    def plot(self, path: str | None = None, **options: Any):  # type: ignore[no-untyped-def]
        """A figure of the whole chain; written to `path` if one is given, returned otherwise."""
        return importlib.import_module(FIGURES).draw(self, path, **options)


def plain(item: Any) -> Any:
    """Data that JSON can hold: arrays become lists, NaN and infinities null."""
    if type(item) is float:
        return item if math.isfinite(item) else None
    if item is None or type(item) is str or type(item) is int:
        return item
    if isinstance(item, Mapping):
        return {str(key): plain(value) for key, value in item.items()}
    if isinstance(item, np.ndarray):
        if item.dtype.kind == "f" and np.isfinite(item).all():
            return item.tolist()
        return [plain(value) for value in item.tolist()]
    if isinstance(item, list | tuple):
        return [plain(value) for value in item]
    if isinstance(item, np.generic):
        return plain(item.item())
    if isinstance(item, float) and not math.isfinite(item):
        return None
    return item
