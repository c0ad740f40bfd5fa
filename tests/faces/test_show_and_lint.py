"""`show` answers for any name; `lint` finds what is planted and lists what is assumed."""

import pytest

from ketasim.core import Value, all_values, output_register, sources
from ketasim.core.drugs import drugs
from ketasim.report import lint
from ketasim.report.show_text import LISTS, show_text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("central_volume", ("L", "basis:", "grade", "source:", "between people", "read by:")),
        ("plasma.central_volume", ("central_volume",)),
        ("madrs.effect", ("points", "placebo")),
        ("dissociation", ("cadss", "0 to 92")),
        ("spravato", ("esketamine", "REMS", "28", "molar mass")),
        ("PerezRuixo2021", ("10.1007/s40262-020-00953-4",)),
        ("glutamate_surge", ("equation:", "circuit/")),
        ("s_central", ("state", "s_infusion_rate")),
    ],
)
def test_show(name: str, parts: tuple[str, ...]) -> None:
    text = show_text(name)
    assert all(part in text for part in parts), text


@pytest.mark.parametrize("name", sorted(LISTS))
def test_lists(name: str) -> None:
    assert len(show_text(name)) > 100


def test_every_name_can_be_shown() -> None:
    for name in (*output_register(), *drugs(), *list(sources())[:10], *(v.name for v in list(all_values())[::12])):
        assert show_text(name).strip(), name


def test_lint_sees_planted_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    base = dict(stage="people", value=1.0, unit="kg", place="x", grade="D")
    planted = [
        Value(key="planted_orphan", source="Nobody1900", basis="measured", **base),
        Value(key="planted_placeholder", source="KetasimConventions", basis="placeholder", **base),
        Value(key="planted_records", source="KetasimConventions", basis="assumed", records=("NO-SUCH-RECORD",), **base),
        Value(key="planted_records", source="KetasimConventions", basis="assumed", **base),
    ]
    monkeypatch.setattr(lint, "all_values", lambda: iter(planted))
    monkeypatch.setattr(lint, "_chain", lambda numbers: [])
    found = lint.problems()
    text = lint.lint_text(found)
    for part in ("Nobody1900 is not in", "a placeholder", "NO-SUCH-RECORD", "used in", "nothing uses this value"):
        assert part in text, text
    assert [v.key for v in found.assumed] == ["planted_records", "planted_records"]


def test_assumed_numbers_are_listed_and_are_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    value = Value(
        key="typical_age",
        stage="people",
        value=45.0,
        unit="year",
        source="KetasimConventions",
        place="x",
        basis="assumed",
        grade="D",
    )
    monkeypatch.setattr(lint, "all_values", lambda: iter([value]))
    for check in ("_chain", "_drugs", "_outputs"):
        monkeypatch.setattr(lint, check, lambda numbers: [])
    found = lint.problems()
    assert found.errors == () and "people.typical_age" in lint.lint_text(found)


def test_exit_codes(ketasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "problems", lambda: lint.Findings((), (), 10, 9))
    assert ketasim("lint").code == 0
    monkeypatch.setattr(lint, "problems", lambda: lint.Findings((lint.Problem("here", "wrong"),), (), 10, 9))
    answer = ketasim("lint")
    assert answer.code == 1 and "here: wrong" in answer.out


def test_a_study_and_a_record_are_shown(ketasim) -> None:
    study = ketasim("show", "Wilkinson2019").out
    assert "doi: 10.1038/s41386-019-0317-8" in study and "role: fit" in study and "0.450" in study
    record = ketasim("show", "IN001").out
    assert record.startswith("Williams2018") and "numbers of record IN001" in record
    finding = ketasim("show", "Lord2013").out
    assert "memantine" in finding and "mouse" in finding
    assert "Wilkinson2019" in ketasim("show", "Wilkinson201").err


def test_every_record_behind_an_experiment_and_a_weighed_study_is_shown() -> None:
    from ketasim.evidence.weigh.weighing import weigh
    from ketasim.report.study_text import study_text
    from ketasim.scenario.experiments import experiments

    for name in {*weigh().studies, *(record for plan in experiments().values() for record in plan.records)}:
        text = study_text(name)
        assert "a published" in text and text.count("\n") >= 2, name
