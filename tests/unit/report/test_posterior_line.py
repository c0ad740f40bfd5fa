"""The scorecard says how far the draws of the posterior can be trusted."""

from ketasim.evidence.compare.scorecard import Scorecard
from ketasim.report.scorecard_text import _with, posterior_line


def test_the_line_has_the_figures_that_ship():
    line = posterior_line(
        {
            "draws": 800,
            "bulk_ess_least": 512.3,
            "tail_ess_least": 431.0,
            "nested_rhat_most": 1.0123,
            "pareto_k": 0.418,
            "mc_error_most": 0.044,
        }
    )
    assert line == (
        "Posterior: 800 draws; at least 512 effective in the bulk; at least 431 in the tails; nested R-hat at most 1.012; Pareto k 0.42; "
        "Monte Carlo error of a mean at most, in SDs, 0.044."
    )
    assert posterior_line({"draws": 200}) == "Posterior: 200 draws."


def test_the_summary_of_check_carries_them():
    assert Scorecard((), ()).summary()["posterior"]["draws"] >= 200


def test_one_value_has_no_standard_error() -> None:
    assert _with({"log_score_gain": 0.7, "log_score_gain_se": float("inf")}) == "+0.7 (one value, no SE)"
    assert _with({"log_score_gain": 0.7, "log_score_gain_se": 0.24}, "9 values") == "+0.7 (SE 0.2, 9 values)"
