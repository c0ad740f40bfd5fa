"""The sensitivity report: headlines as the fit predicts rows, many sets of numbers at once, and what groups of studies say."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.core import KetasimError
from ketasim.core.posterior import posterior
from ketasim.decide.headlines import FIT, OWN, PLASMA, Uncertain, fitted_values, headline_study, inward, predictions
from ketasim.decide.identify import LEAST_CONTRACTION
from ketasim.decide.sensitivity import Report, _information, _known, _subjects, _without, report
from ketasim.evidence.arms.context import Context
from ketasim.evidence.arms.courses import course, many_courses
from ketasim.evidence.arms.numbers import Numbers
from ketasim.evidence.arms.quantities import predict_row
from ketasim.evidence.fit.parameters import Parameter, free_parameters
from ketasim.report.sensitivity_page import page

SETS = [{}, {"mood_late_size": 0.5}, {"surge_half_block": 0.2, "mood_gain.spread": 0.9}, {"central_volume": 40.0}]


def test_many_sets_at_once_are_the_same_as_one_after_the_other() -> None:
    """Integrated together or alone, read by the readout or by the integration: the same headlines, and each of them moved by something."""
    study = headline_study()
    found = predictions(SETS)
    for numbers, row in zip(SETS, found, strict=True):
        context = Context(study, Numbers(numbers))
        assert row == pytest.approx([predict_row(context, r) for r in study.rows], rel=1e-7, abs=1e-9)
    assert np.all(np.any(found[1:] != found[0], axis=0))


def test_an_arm_under_sets_that_its_integration_does_not_read_is_integrated_once() -> None:
    spec = Context(headline_study(), Numbers()).course("infusion").spec
    one, two = many_courses(spec, [{}, {"rating_sd": 0.5}])
    assert one is two
    alone = course(spec, {"central_volume": 40.0})
    together = many_courses(spec, [{}, {"central_volume": 40.0}])[1]
    for name, rows in alone.table.items():
        np.testing.assert_allclose(together.rows(name), rows, rtol=1e-6, atol=1e-12)


def test_values_of_the_posterior_have_scales_on_which_their_draws_have_sd_1() -> None:
    shipped = posterior()
    assert shipped is not None
    mine, draws = fitted_values(shipped)
    assert draws.std(axis=0, ddof=1) == pytest.approx(np.ones(len(mine)))
    assert {u.origin for u in mine} == {FIT, PLASMA}
    assert {u.key for u in mine if u.origin == FIT} == {p.key for p in free_parameters()}
    for u in mine:
        assert u.at(0.0) == pytest.approx(u.scale.start)
        up = float(inward(u.scale.kind, np.array([u.at(1.0)]))[0] - inward(u.scale.kind, np.array([u.at(0.0)]))[0])
        assert up == pytest.approx(u.sd) or u.at(1.0) == u.scale.high


def fake(groups: list[str], columns: list[int], variances: list[float]) -> SimpleNamespace:
    """A linear form: study i measures value `columns[i]` once, with a variance, and has a residual of 1."""
    p = len(free_parameters())
    blocks = [
        SimpleNamespace(
            study=SimpleNamespace(role="fit", group=g, cluster_key=f"clinic {i}"), y=np.array([1.0]), rows=(None,)
        )
        for i, g in enumerate(groups)
    ]
    jacobian = [np.eye(p)[[k]] for k in columns]
    return SimpleNamespace(
        evidence=SimpleNamespace(blocks=blocks),
        z=np.zeros(p),
        base=[np.zeros(1) for _ in groups],
        jacobian=jacobian,
        covariances=[np.array([[v]]) for v in variances],
    )


def test_groups_and_clusters_are_counted_and_what_they_inform_is_named() -> None:
    """Two clinics measure the first value with precisions 3 and 1; nobody the second: shares 3/4 and 1/4, contraction from the draws."""
    by_cluster, by_group, counts = _information(fake(["a", "a", "b"], [0, 0, 2], [1 / 3, 1.0, 1.0]))  # type: ignore[arg-type]
    assert counts == {"a": (2, 2), "b": (1, 1)}
    first, second = free_parameters()[:2]
    everyone = [
        Uncertain(first.key, FIT, Parameter(first.key, "log", 1.0, 0.5, 0.0, np.inf), 0.5, 1.0),
        Uncertain(second.key, FIT, Parameter(second.key, "log", 1.0, 0.96, 0.0, np.inf), 0.96, 1.0),
        Uncertain("surge_rate", OWN, Parameter("surge_rate", "log", 1.0, 0.5, 0.0, np.inf), 0.5, 0.5),
    ]
    draws = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    known = {v.key: v for v in _known(everyone, draws, by_cluster)}
    assert dict(known[first.key].informed_by) == {"clinic 0": pytest.approx(0.75), "clinic 1": pytest.approx(0.25)}
    assert known[first.key].contraction == pytest.approx(0.75) and known[first.key].identified
    assert known[second.key].contraction == pytest.approx(1 - 0.96**2)
    assert known[second.key].contraction < LEAST_CONTRACTION
    assert not known[second.key].identified and known[second.key].informed_by == ()
    assert dict(known[first.key].correlated) == {second.key: pytest.approx(1 / 3)}
    assert known["surge_rate"].contraction == 0.0 and not known["surge_rate"].identified
    assert by_group.names == ("a", "b")


def test_a_headline_that_a_group_moves_is_named() -> None:
    """Value 0: prior N(0, 1), measured as 1 with precision 4 in all: estimate 0.8, SD 0.447. Without group a (precision 3): 0.5, SD 0.707."""
    _, by_group, counts = _information(fake(["a", "b", "c"], [0, 0, 1], [1 / 3, 1.0, 1.0]))  # type: ignore[arg-type]
    b = np.zeros(len(free_parameters()))
    b[0] = 10.0
    table = {
        w.group: w for w in _without(by_group, counts, {"h": b, "near zero": 0.1 * b}, {"h": 8.0, "near zero": 0.2})
    }
    assert table["a"].results["h"] == (pytest.approx(8.0 - 3.0), pytest.approx(10 * 0.5**0.5))
    assert table["c"].results["h"][0] == pytest.approx(8.0)
    assert table["a"].moved == ("near zero",)  # 0.2 - 0.3 turns round; 3 points are fewer than one SD of 4.47
    assert table["b"].moved == table["c"].moved == ()


def test_an_unknown_value_among_the_subjects_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(_subjects()) == {"belief", "driver of the drug effect", "slow placebo", "programme"}
    monkeypatch.setattr("ketasim.decide.sensitivity.read_toml", lambda _: {"subjects": {"belief": ["belief_silense"]}})
    with pytest.raises(KetasimError, match="belief_silense"):
        _subjects()


@pytest.mark.slow
def test_the_whole_report_is_the_same_twice_and_its_page_names_what_is_not_known() -> None:
    linear = fake(["a", "b"], [0, 1], [1.0, 1.0])
    found, again = (report(evidence=linear, draws=8) for _ in range(2))  # type: ignore[arg-type]
    assert isinstance(found, Report)
    assert found.to_dict() == again.to_dict()
    for one in found.headlines:
        assert sum(e.share for e in found.of(one.name)) == pytest.approx(1.0)
        assert one.low <= one.high
    text = page(found)
    assert "not identified" in text and "Headlines without a group of evidence" in text
    assert re.search(r"\bnan\b", text) is None
    assert all(key in text for keys in found.subjects.values() for key in keys)
