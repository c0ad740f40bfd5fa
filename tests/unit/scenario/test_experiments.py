"""Virtual experiments: the sign of every one is that of the evidence, and the files behind them are sound."""

import pytest

from ketasim.core import UsageError, read_toml
from ketasim.core.values import knowledge_path
from ketasim.scenario.experiments import Expectation, Finding, experiment, experiments


@pytest.mark.parametrize("name", sorted(experiments()))
def test_the_sign_is_that_of_the_evidence(name: str) -> None:
    found = experiment(name)
    assert found.findings or found.plan.published
    assert [f.expectation.says for f in found.findings if not f.holds] == []


def test_every_record_named_is_in_the_roles() -> None:
    roles = read_toml(knowledge_path() / "studies" / "roles.toml")
    known = {
        r
        for kind in roles.values()
        if isinstance(kind, dict)
        for study in kind.values()
        for r in study.get("records", ())
    }
    assert {r for plan in experiments().values() for r in plan.records} <= known


@pytest.mark.parametrize(
    ("relation", "own", "other", "by", "holds"),
    [
        ("weaker", -8.0, -10.0, 0.1, True),
        ("weaker", -9.5, -10.0, 0.1, False),
        ("stronger", -11.0, -10.0, 0.05, True),
        ("stronger", -10.0, -10.0, 0.0, False),
        ("equal", -10.05, -10.0, 0.01, True),
        ("equal", -9.8, -10.0, 0.01, False),
        ("small", -0.5, -10.0, 0.1, True),
        ("small", -2.0, -10.0, 0.1, False),
        ("below", -0.1, 0.2, 0.5, True),
        ("below", 0.15, 0.2, 0.5, False),
        ("equal", float("nan"), -10.0, 1.0, False),
    ],
)
def test_a_finding_can_fail(relation: str, own: float, other: float, by: float, holds: bool) -> None:
    expectation = Expectation("x", "madrs.effect", "24 h", "a", "b", relation, by)
    assert Finding(expectation, own, other).holds is holds


def test_unknown_experiments_teach() -> None:
    with pytest.raises(UsageError, match="naltrexone"):
        experiment("naltrexon")
