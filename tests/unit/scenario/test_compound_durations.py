"""A duration that the words accept is honoured, whatever the route: closed forms for a drug of the user's own."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ketasim.core import UsageError, drugs, read_drug
from ketasim.scenario.run import run
from ketasim.stages.plasma.stage import administrations

CLEARANCE, VOLUME = 20.0, 100.0  # L/h, L
SITES = {
    "oral": (0.5, 0.8),
    "sc": (0.9, 0.5),
    "im": (0.9, 0.5),
    "nasal": (0.6, 2.0),
    "film": (0.6, 2.0),
    "iv": (1.0, math.inf),
}
FILE = """
name = "probe drug"
label = "Probe drug"
molar_mass = 300
source = "own"
place = "p 1"
basis = "assumed"
[pk]
clearance = { value = 20, unit = "L/h" }
volume = { value = 100, unit = "L" }
"""


@pytest.fixture(scope="module")
def compound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = FILE
    for route, (share, rate) in SITES.items():
        if route != "iv":
            text += f'[pk.{route}]\navailability = {{ value = {share}, unit = "fraction" }}\n'
            text += f'absorption_rate = {{ value = {rate}, unit = "1/h" }}\n'
    for route in SITES:
        forms = '["infusion", "bolus"]' if route == "iv" else '["single", "infusion"]'
        extra = "bolus_duration_min = 1" if route == "iv" else ""
        text += f"[routes.{route}]\nforms = {forms}\ndefault_duration_min = 60\n{extra}\n"
    path = tmp_path_factory.mktemp("own") / "probe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def level(t: np.ndarray, mg: float, hours: float, share: float, ka: float) -> np.ndarray:
    """ng/mL of one compartment fed by a first-order depot that fills at mg/hours (at once for hours = 0).

    At a constant rate R into the depot until T: A(t) = F R [(1 - e^-kt)/k - (e^-kt - e^-at)/(a - k)] for t <= T, and by
    superposition minus the same from T on. iv (a infinite): A(t) = F R (1 - e^-kt)/k.
    """
    k = CLEARANCE / VOLUME

    def filled(time: np.ndarray) -> np.ndarray:
        time = np.maximum(time, 0.0)
        if math.isinf(ka):
            return (1 - np.exp(-k * time)) / k
        return (1 - np.exp(-k * time)) / k - (np.exp(-k * time) - np.exp(-ka * time)) / (ka - k)

    if hours == 0:
        amount = mg * share * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    else:
        amount = share * mg / hours * (filled(t) - filled(t - hours))
    return 1000.0 * amount / VOLUME


def near(found: np.ndarray, wanted: np.ndarray) -> None:
    """Equal to the run's relative tolerance, 1e-5 of the peak."""
    assert np.abs(found - wanted).max() <= 1e-5 * wanted.max()


def test_the_closed_form_is_the_right_one() -> None:
    """60 mg under the skin over 2 h: 53.7 ng/mL after 1 h; at once: 191 (a two-line check by the formula itself)."""
    assert level(np.array([1.0]), 60.0, 2.0, 0.9, 0.5)[0] == pytest.approx(53.7, abs=0.05)
    assert level(np.array([1.0]), 60.0, 0.0, 0.9, 0.5)[0] == pytest.approx(191.0, abs=0.5)


@pytest.mark.parametrize(("route", "hours"), list(product(SITES, (0.25, 2.0, 30.0))))
def test_a_duration_is_honoured_by_every_route(compound: Path, route: str, hours: float) -> None:
    times = np.array([0.1, 0.5, 1.0, 2.0, 4.0, 31.0])
    found = run(f"probe drug {route} 60 mg over {hours:g} h", compound=compound, people=0, draws=0, days=2, at=times)
    share, ka = SITES[route]
    near(found["plasma.compound"].typical, level(times, 60.0, hours, share, ka))
    (row,) = found.ledger
    assert (row.duration_h, row.rate_mg_per_h) == (hours, pytest.approx(60.0 / hours))
    assert row.given_mg == pytest.approx(60.0, rel=1e-6)
    (told,) = found.heading()["ledger"]
    assert told["duration_h"] == hours and told["rate_mg_per_h"] == pytest.approx(60.0 / hours)


@pytest.mark.parametrize("route", [route for route in SITES if route != "iv"])
def test_without_over_it_is_given_at_once(compound: Path, route: str) -> None:
    times = np.array([0.5, 1.0, 4.0])
    found = run(f"probe drug {route} 60 mg", compound=compound, people=0, draws=0, days=1, at=times)
    near(found["plasma.compound"].typical, level(times, 60.0, 0.0, *SITES[route]))
    assert found.ledger[0].rate_mg_per_h is None


def test_the_text_shows_rate_and_duration(compound: Path) -> None:
    regimen = run(
        "probe drug sc 60 mg over 2 h", compound=compound, people=0, draws=0, days=1, at=(1.0,)
    ).scenario.regimen
    assert "over 2 h (30 mg/h)" in regimen.preview()


def test_an_infusion_without_a_usual_duration_asks(compound: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(compound.read_text(encoding="utf-8").replace("default_duration_min = 60", ""), encoding="utf-8")
    path.write_text(
        path.read_text(encoding="utf-8").replace('["single", "infusion"]', '["infusion"]'), encoding="utf-8"
    )
    entry = read_drug(path)
    with pytest.raises(UsageError, match="over how long") as caught:
        run("probe drug sc 60 mg", compound=entry, people=0, draws=0, days=1)
    assert caught.value.fix == ""


def test_no_route_of_any_drug_drops_a_duration() -> None:
    """Each part of the catalogue by each route: a duration becomes a window of that length, or is refused."""
    for entry in drugs().values():
        for route in entry.routes:
            for part in entry.parts:
                try:
                    windows = administrations(part, route, 0.7, amount=10.0).windows
                except UsageError as refused:
                    assert "infusion" not in entry.routes[route].forms, refused
                else:
                    assert any(window.duration == 0.7 for window in windows), (part, route)
