"""`ketasim report`: one page, whole in itself, with the doses and sources of the run."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_page_holds_everything_and_points_nowhere(ketasim, tmp_path: Path) -> None:
    place = tmp_path / "run.html"
    answer = ketasim("report", "esketamine nasal 56 mg", str(place), "--people", "4", "--days", "1")
    assert answer.code == 0, answer.err
    text = place.read_text(encoding="utf-8")
    assert (
        "<svg" in text
        and "Not medical advice" in text
        and "<td>esketamine</td><td>nasal</td><td>56</td><td>56</td>" in text
    )
    assert "Perez-Ruixo" in text and "In a crisis" in text
    assert "<script" not in text and not re.findall(r'(?:src|href)="(?!#)', text.replace("xlink:href", "xlink-href"))
    assert ketasim("report", "esketamine nasal 56 mg", str(tmp_path / "run.txt")).code == 2
