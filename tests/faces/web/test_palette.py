"""The colours of lines, checked in code: contrast with the background, distance of every pair under colour-vision deficiency."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

TOKENS = Path(__file__).resolve().parents[3] / "frontend" / "src" / "tokens.css"
LINES = ("s", "r", "nk", "hnk", "co", "placebo")
TOGETHER = (
    ("outcome", "co", "placebo"),
    ("outcome", "quiet"),
)  # lines of outcomes, with what stands beside them in one chart
LEAST_CONTRAST = 3.0
LEAST_DISTANCE = {"light": 23.0, "dark": 33.0}
# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def tokens() -> dict[str, dict[str, str]]:
    blocks = re.findall(r"(:root[^{]*)\{([^}]*)\}", TOKENS.read_text(encoding="utf-8"))
    found = {
        "dark" if "dark" in name else "light": dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", body))
        for name, body in blocks
    }
    return {"light": found["light"], "dark": found["light"] | found["dark"]}


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    high, low = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str) -> float:
    return min(float(np.linalg.norm(lab(m @ linear(one)) - lab(m @ linear(other)))) for m in VISION.values())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_pair_of_drug_lines_can_be_told_apart(theme: str) -> None:
    colours = tokens()[theme]
    worst = min((distance(colours[a], colours[b]), a, b) for a, b in itertools.combinations(LINES, 2))
    assert worst[0] >= LEAST_DISTANCE[theme], worst


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_of_outcomes_can_be_told_from_what_stands_beside_them(theme: str) -> None:
    colours = tokens()[theme]
    for group in TOGETHER:
        worst = min((distance(colours[a], colours[b]), a, b) for a, b in itertools.combinations(group, 2))
        assert worst[0] >= 20.0, worst


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme: str) -> None:
    colours = tokens()[theme]
    for name in (*LINES, "outcome", "accent"):
        for behind in ("bg", "card"):
            assert contrast(colours[name], colours[behind]) >= LEAST_CONTRAST, (name, behind)
    for name in ("ink", "quiet", "warn"):
        assert contrast(colours[name], colours["card"]) >= 4.5, name
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
