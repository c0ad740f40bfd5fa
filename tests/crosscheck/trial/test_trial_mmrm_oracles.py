"""MMRM against printed results of R (nlme, mmrm) and SAS on two public examples.

R calls: `oracles.R` in this folder. SAS: results that stand in the repositories of mmrm (design/ddfm_covtype/kr_us.csv,
design/SAS/sas_coef_ci_reml_un.txt) and rbmi (misc/antidepressant_analysis/results_SAS.pdf).
"""

from __future__ import annotations

import numpy as np
import pytest
from trial_examples import antidepressant, fev

from ketasim.trial.analyse import mmrm, patterns, reml
from ketasim.trial.analyse.mmrm import inference

FIRST = np.array([0])


def fev_fit(mapping_of: str):
    """The model of the README of mmrm ("race + sex + arm by visit") or of the SAS runs ("arm", "arm + sex")."""
    data = fev()
    ones, arm = np.ones(200), data.arm.astype(float)
    columns = np.column_stack([ones, arm, data.covariates])
    kept = {"race + sex + arm by visit": [0, 1, 2, 3, 4], "arm": [0, 1], "arm + sex": [0, 1, 4]}[mapping_of]
    z = columns[:, kept]
    blocks = []
    for q in range(len(kept)):
        by_visit = mapping_of.endswith("by visit") and q < 2
        block = np.zeros((4, len(kept), 4 if by_visit else 1))
        block[np.arange(4), q, np.arange(4) if by_visit else 0] = 1.0
        blocks.append(block.reshape(4 * len(kept), -1))
    mapping = np.concatenate(blocks, axis=1)
    sums = patterns.group(data.scores[None], z[None])
    return reml.fit(sums, mapping), sums, mapping


def test_fev_example_equals_gls_to_six_digits() -> None:
    data = fev()
    found = mmrm(data.scores, data.arm, data.covariates, df="satterthwaite", by_visit=False)
    assert -2 * found.log_likelihood[0] == pytest.approx(3386.44987116, abs=1e-6)
    # gls(FEV1 ~ RACE + SEX + ARMCD * AVISIT, corSymm, varIdent), optimised to a relative 1e-12
    gls = 3.77441419198 + np.array([0.0, -0.04208992168, -0.69380694438, 0.62412266923])
    assert found.estimate[0, 0] == pytest.approx(gls, abs=2e-6)
    assert found.se[0, 0, 0] == pytest.approx(1.0741608436, abs=1e-6)


def test_fev_example_agrees_with_the_printed_output_of_mmrm() -> None:
    fitted, sums, mapping = fev_fit("race + sex + arm by visit")
    contrast = np.zeros((2, mapping.shape[1]))
    contrast[0, 7], contrast[0, 4] = 1.0, -1.0  # arm at visit 4 minus arm at visit 1
    contrast[1, 4] = 1.0
    estimate, se, df = inference(fitted, sums.zz, mapping, contrast, FIRST, "satterthwaite")
    # gls finds 0.6241227 and 1.8509606; mmrm prints 0.62423 and 1.85085, where its optimiser stopped (flat to 1e-7 in -2 log L)
    assert estimate[0, 0] == pytest.approx(0.62412266923, abs=2e-6)
    assert se[0, 0] == pytest.approx(1.8509605626, abs=2e-6)
    assert estimate[0, 0] == pytest.approx(0.62422703, abs=1.1e-4)
    assert se[0, 0] == pytest.approx(1.85085, rel=1e-4)
    assert df[0] == pytest.approx([129.72, 145.55], rel=1e-4)
    assert fitted.minus_two_log[0] == pytest.approx(3386.45, abs=0.005)
    printed = [
        [40.5537, 14.3960, 4.9747, 13.3867],
        [14.3960, 26.5715, 2.7855, 7.4745],
        [4.9747, 2.7855, 14.8979, 0.9082],
        [13.3867, 7.4745, 0.9082, 95.5568],
    ]
    assert fitted.sigma[0] == pytest.approx(np.array(printed), abs=0.01)


def test_kenward_roger_agrees_with_sas() -> None:
    """FEV1 = ARMCD, type=un, ddfm=kr: estimate 3.819725, SE 0.661244, df 160.7333 (SAS stopped 8e-6 above the optimum)."""
    fitted, sums, mapping = fev_fit("arm")
    estimate, se, df = inference(fitted, sums.zz, mapping, np.eye(2), FIRST, "kenward-roger")
    assert estimate[0] == pytest.approx([41.0058, 3.81972492174648], rel=1e-4)
    assert se[0, 1] == pytest.approx(0.66124382270307, rel=1e-3)
    assert se[0, 0] == pytest.approx(0.4547, abs=1e-4)
    assert df[0, 1] == pytest.approx(160.733266403768, rel=1e-3)
    assert df[0, 0] == pytest.approx(162, abs=0.5)
    assert fitted.minus_two_log[0] <= 3667.96276376  # the value SAS stopped at
    assert fitted.minus_two_log[0] == pytest.approx(3667.96276376, abs=1e-4)
    # with the expected information the standard error would be 0.6536 and df 170.9: not within the tolerance
    assert abs(se[0, 1] - 0.6536) > 5e-3


def test_satterthwaite_agrees_with_sas() -> None:
    """FEV1 = ARMCD SEX, type=un, ddfm=satterthwaite."""
    fitted, sums, mapping = fev_fit("arm + sex")
    estimate, se, df = inference(fitted, sums.zz, mapping, np.eye(3)[1:], FIRST, "satterthwaite")
    assert estimate[0] == pytest.approx([3.8265, -0.1404], abs=2e-4)
    assert se[0] == pytest.approx([0.6421, 0.6434], abs=1e-4)
    assert df[0] == pytest.approx([161, 161], abs=0.5)


def test_antidepressant_example_agrees_with_sas_and_gls() -> None:
    """change = basval*VISIT THERAPY*VISIT, type=un; gls: week 6, -2.80183, SE 1.11403; SAS with ddfm=kr."""
    data = antidepressant()
    plain = mmrm(data.scores, data.arm, data.covariates, df="satterthwaite")
    assert plain.estimate[0, 0, 3] == pytest.approx(-2.80183, abs=1e-5)
    assert plain.se[0, 0, 3] == pytest.approx(1.11403, abs=1e-5)
    found = mmrm(data.scores, data.arm, data.covariates)
    assert -2 * found.log_likelihood[0] == pytest.approx(3494.20285008, abs=1e-5)
    assert found.estimate[0, 0] == pytest.approx([0.09181, -1.4032, -2.2247, -2.8018], abs=1e-4)
    assert found.se[0, 0] == pytest.approx([0.6826, 0.9244, 1.0008, 1.1163], abs=1e-4)
    assert np.round(found.df[0, 0]) == pytest.approx([169, 165, 162, 150])
    assert found.p[0, 0] == pytest.approx([0.8932, 0.1309, 0.0276, 0.0131], abs=1e-4)
    printed = [
        [19.6845, 16.5157, 15.3879, 16.3599],
        [16.5157, 34.2105, 25.4250, 26.1843],
        [15.3879, 25.4250, 38.4363, 33.8949],
        [16.3599, 26.1843, 33.8949, 45.2587],
    ]
    assert found.covariance[0] == pytest.approx(np.array(printed), abs=5e-4)
