"""Suicidal thoughts as observation and as part of a forecast: joint noise with mood, scales, what is refused, how little it claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from ketasim.core import normals
from ketasim.dose import parse
from ketasim.people import Traits
from ketasim.person.case import case_of
from ketasim.person.file import person_of
from ketasim.person.forecast import forecast
from ketasim.person.given import Given, Placed
from ketasim.person.likelihood import Conditioned, Noise
from ketasim.person.observed import Baseline, Observation, learn
from ketasim.person.options import Future
from ketasim.person.pareto import normalised
from ketasim.person.pool import Pool, Seen, integrate
from ketasim.person.screening import screen
from ketasim.ratings.observation import link
from ketasim.report.forecast_text import forecast_text

pytestmark = pytest.mark.xdist_group("forecast")

IV = "ketamine iv 0.5 mg/kg over 40 min"
OPTIONS = ("stop", f"{IV} weekly x 2")


def asked(before: dict[str, float], after: dict[str, float], mood: float | None = 28) -> dict[str, Any]:
    scores = [{"scale": s, "day": 0, "total": n} for s, n in ({"MADRS": 34} | before).items()]
    scores += [{"scale": "MADRS", "day": 5, "total": mood}] if mood is not None else []
    scores += [{"scale": s, "day": 5, "total": n} for s, n in after.items()]
    return {"age": 44, "weight_kg": 82, "dose": [{"day": 0, "words": IV}, {"day": 3, "words": IV}], "score": scores}


def middle(found: dict[str, Any], name: str) -> float:
    return float(found["options"][0]["outputs"][name]["median"][0])


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return forecast(asked({"IDEATION": 4}, {"MADRS item 10": 1}), OPTIONS)


# noise ---------------------------------------------------------------------------------------------------------------


def test_mood_and_thoughts_are_jointly_normal() -> None:
    """Mean and SD of a third rating given two, one of each kind, against the matrix written out: rho times the covariance without rating noise."""
    sw, tau, sc, on, s0, fades, error, rho = 0.6, 500.0, 0.35, 200.0, 0.3, 60.0, 0.2, 0.6
    t, thoughts = np.array([24.0, 96.0, 336.0]), np.array([False, True, False])
    early, gap, part = np.minimum.outer(t, t), np.abs(np.subtract.outer(t, t)), 1 - np.exp(-t / on)
    slow = sw**2 * (1 - np.exp(-2 * early / tau)) * np.exp(-gap / tau) + sc**2 * np.outer(part, part)
    days = s0**2 * (1 - error) * np.exp(-gap / fades)
    c = np.where(np.equal.outer(thoughts, thoughts), slow + days, rho * slow) + s0**2 * error * np.eye(3)
    known = Conditioned(Noise(*(np.full(1, x) for x in (sw, tau, sc, on, s0, fades, error, rho))))
    values = np.array([0.5, -0.2])
    for time, kind, y in zip(t[:2].tolist(), thoughts[:2].tolist(), values, strict=True):
        known.take(time, np.array([y - 1e-6]), np.array([y + 1e-6]), np.array([0.5]), kind)
    for kind in (False, True):
        own = c.copy()
        own[2, :2] = own[:2, 2] = np.where(thoughts[:2] == kind, (slow + days)[2, :2], rho * slow[2, :2])
        gain = own[2, :2] @ np.linalg.inv(own[:2, :2])
        _, mean, sd = known.ahead(336.0, kind)
        assert mean[0] == pytest.approx(gain @ values, abs=1e-5)
        assert sd[0] ** 2 == pytest.approx(own[2, 2] - gain @ own[:2, 2], rel=1e-5)


def test_forecasts_of_thoughts_are_calibrated_in_people_of_the_model() -> None:
    """120 people with a mood total and an item seen on day 7, the item of day 14 foretold: places in their forecasts are uniform."""
    pool, truth = Pool.of(Traits(), 32, 12), Pool.of(Traits(), 32, 12, seed=91)
    times, count = np.array([167.0, 335.0]), 120
    way = Given((Placed(parse(f"{IV} twice weekly x 4")),), 336.0)
    drives = {}
    for name, one in (("pool", pool), ("truth", truth)):
        seen = Seen(one, integrate(one, [way], way.grid(times)), 0, "saline")
        drives[name] = (seen, seen.latent(times), seen.latent(times, ideation=True))
    seen, _, _ = drives["pool"]
    own, mood, thoughts = drives["truth"]
    rng = np.random.default_rng(3)
    picks = rng.choice(len(truth), count, p=normalised(truth.log_weight))
    p = {key: np.asarray(number)[picks] for key, number in own.pool.ratings.items() if np.size(number) == len(truth)}
    noise = Noise.of({k: np.broadcast_to(v, len(truth))[picks] for k, v in own.pool.ratings.items()})
    places = []
    joint = Conditioned(noise)
    eps = []
    for time, kind, name in ((167.0, False, "m"), (167.0, True, "i"), (335.0, True, "j")):
        row, mean, sd = joint.ahead(time, kind)
        z = normals(5, name, count)
        joint._append(time, row, z, kind)
        eps.append(mean + sd * z)
    before, item = np.round(truth.minds.madrs[picks]), np.maximum(np.round(p["ideation_baseline"]), 1.0).clip(1, 6)
    shape = (p["link_ceiling"], p["link_slope"])
    y_mood = np.round(link(mood[picks, 0] + eps[0], before, *shape, 60.0))
    y_item = np.round(link(thoughts[picks, 0] + eps[1], item, *shape, 6.0))
    y_next = np.round(link(thoughts[picks, 1] + eps[2], item, *shape, 6.0))
    for i in range(count):
        base = Baseline({"MADRS": float(before[i]), "IDEATION": float(item[i])})
        observed = (
            Observation("mood", "MADRS", 167.0, y_mood[i] - 0.5, y_mood[i] + 0.5, ""),
            Observation("ideation", "IDEATION", 167.0, y_item[i] - 0.5, y_item[i] + 0.5, ""),
        )
        learned = learn(seen, observed, base)
        weights = normalised(pool.log_weight + learned.total)
        future = Future.of(seen, learned.mood, base, times[1:], ideation=True)
        low, high = (float(weights @ future.at_most(y, 0, "IDEATION")) for y in (y_next[i] - 0.5, y_next[i] + 0.5))
        low, high = (0.0 if y_next[i] <= 0 else low), (1.0 if y_next[i] >= 6 else high)
        places.append(low + rng.random() * (high - low))
    assert kstest(places, "uniform").pvalue > 0.01
    assert abs(float(np.mean(np.abs(np.array(places) - 0.5) <= 0.4)) - 0.8) < 3 * np.sqrt(0.16 / count)


# observation ---------------------------------------------------------------------------------------------------------


def test_a_lower_item_lowers_thoughts_and_a_little_the_mood(found: dict[str, Any]) -> None:
    worse = forecast(asked({"IDEATION": 4}, {"IDEATION": 5}), OPTIONS)
    assert middle(found, "ideation") < middle(worse, "ideation") - 0.5
    assert middle(found, "madrs") < middle(worse, "madrs")
    entry = next(e for e in found["learned"] if e["observation"].startswith("IDEATION"))
    assert entry["kind"] == "ideation" and entry["shift_points"] < 0


def test_thoughts_and_mood_part_in_some_people(found: dict[str, Any]) -> None:
    """A course of mood alone tells less of thoughts than an item does: the interval is narrower with it."""
    without = forecast(asked({"IDEATION": 4}, {}), OPTIONS)
    wide, narrow = (f["options"][0]["outputs"]["ideation"] for f in (without, found))
    assert narrow["high80"][0] - narrow["low80"][0] < wide["high80"][0] - wide["low80"][0]


@pytest.mark.parametrize(("scale", "before", "after", "high"), [("SSI", 18, 4, 38), ("C-SSRS", 3, 1, 5)])
def test_another_scale_is_looked_at_on_itself(scale: str, before: float, after: float, high: float) -> None:
    course = forecast(asked({scale: before}, {scale: after}), ("stop",))["options"][0]["outputs"]["ideation"]
    assert course["scale"] == scale and course["low_rule"] == "0" and course["before"] == "as observed"
    assert 0 <= course["low"][0] <= course["median"][0] <= course["high"][0] <= high
    assert course["median"][0] < before


def test_a_scale_without_a_total_before_is_not_used() -> None:
    case = case_of(person_of(asked({}, {"SSI": 4})))
    assert not any(o.kind == "ideation" for o in case.observations)
    assert any("needs a SSI total before the first dose" in note for note in case.notes)


def test_no_thoughts_before_leave_nothing_to_foretell() -> None:
    plain = forecast(asked({"IDEATION": 0}, {"IDEATION": 1}), ("stop",))
    assert "ideation" not in plain["options"][0]["outputs"]
    assert any("was 0 before the first dose" in note for note in plain["notes"])
    assert "Suicidal thoughts on that day" not in forecast_text(plain | {"crisis": "", "notice": ""})


# what is said --------------------------------------------------------------------------------------------------------


def test_thoughts_stand_beside_their_placebo_figure_and_their_limits(found: dict[str, Any]) -> None:
    for option in found["options"]:
        course = option["outputs"]["ideation"]
        assert len(course["low_by_day"]) == len(found["days"]) and all(
            0 <= share <= 1 for share in course["low_by_day"]
        )
        assert max(course["high"]) <= 6 and course["low_rule"] == "0 or 1"
    dosed = found["options"][1]["outputs"]
    assert dosed["ideation"]["low_by_day"][-1] >= dosed["ideation.placebo"]["low_by_day"][-1]
    text = forecast_text(found | {"crisis": "call for help", "notice": ""})
    assert "assumed, not fitted to a trial" in text and "No trial has shown that ketamine prevents suicide" in text
    assert "no score says what somebody will do" in text and "call for help" in text


def test_intent_on_the_columbia_scale_brings_the_emergency_text_first() -> None:
    """Severity 4 and 5 mean intent to act; whatever else the file says it is then not cleared."""
    calm = {"age": 40, "score": [{"scale": "C-SSRS", "day": 0, "total": 3}]}
    acute = {"age": 40, "score": [{"scale": "C-SSRS", "day": 0, "total": 4}]}
    assert not screen(calm).emergency and screen(acute).emergency
    assert screen(acute).verdict == "not cleared"
