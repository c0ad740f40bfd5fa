"""Receptors: from plasma to what is bound in the brain, and how active each receptor is."""

from __future__ import annotations

from pathlib import Path

from ketasim.core.ports import Fragment, Port, Stage, Total

KETAMINE = {"s_ketamine": "s", "r_ketamine": "r"}
HNK = {**KETAMINE, "hnk_drug": "r"}
_ONE = "dimensionless"


def _total(name: str, label: str) -> Total:
    """The sum of the local `name` over all ligands."""
    return Total(Port(name, _ONE, label), local=name)


STAGE = Stage(
    name="receptors",
    label="Receptors",
    folder=Path(__file__).parent,
    inputs=(
        Port("s_ketamine_arterial", "umol/L", "S-ketamine, arterial plasma"),
        Port("r_ketamine_arterial", "umol/L", "R-ketamine, arterial plasma"),
        Port("s_norketamine_arterial", "umol/L", "S-norketamine, arterial plasma"),
        Port("r_norketamine_arterial", "umol/L", "R-norketamine, arterial plasma"),
        Port("s_hnk", "umol/L", "(2S,6S)-hydroxynorketamine, plasma"),
        Port("r_hnk", "umol/L", "(2R,6R)-hydroxynorketamine, plasma"),
        Port("naltrexone", "umol/L", "Naltrexone, plasma"),
        Port("naltrexol", "umol/L", "6-beta-naltrexol, plasma"),
        Port("buprenorphine", "umol/L", "Buprenorphine, plasma"),
        Port("morphine", "umol/L", "Morphine, plasma"),
        Port("midazolam", "umol/L", "Midazolam, plasma"),
        Port("benzodiazepine", "umol/L", "Benzodiazepine, diazepam equivalents, plasma"),
        Port("lamotrigine", "umol/L", "Lamotrigine, plasma"),
        Port("memantine", "umol/L", "Memantine, plasma"),
        Port("rapamycin", "umol/L", "Rapamycin, plasma"),
        Port("nbqx", "umol/L", "NBQX, plasma"),
        Port("compound_arterial", "umol/L", "Compound of the user's own, arterial plasma"),
    ),
    outputs=(
        Port("s_ketamine_brain", "umol/L", "S-ketamine, unbound at the effect site"),
        Port("r_ketamine_brain", "umol/L", "R-ketamine, unbound at the effect site"),
        Port("hnk_brain", "umol/L", "Hydroxynorketamine seen by its pathway, (2R,6R) equivalents"),
        Port("compound_nmda_load", _ONE, "C/Ki of the user's compound at the NMDA channel"),
        Port("nmda_occupancy", _ONE, "NMDA channel site occupied"),
        Port("nmda_block_interneuron", _ONE, "Block that counts on interneurons"),
        Port("nmda_block_rest", _ONE, "Block that holds at rest in magnesium"),
        Port("nmda_block_trapping", _ONE, "Block trapped in closed channels"),
        Port("mu_activity", _ONE, "Mu opioid activity (undosed 1)", null=1.0),
        Port("kappa_activity", _ONE, "Kappa opioid activity (undosed 1)", null=1.0),
        Port("delta_activity", _ONE, "Delta opioid activity (undosed 1)", null=1.0),
        Port("mu_antagonist_occupancy", _ONE, "Mu receptors held by naltrexone or buprenorphine"),
        Port("kappa_antagonist_occupancy", _ONE, "Kappa receptors held by naltrexone or buprenorphine", observed="PET"),
        Port("delta_antagonist_occupancy", _ONE, "Delta receptors held by naltrexone or buprenorphine", observed="PET"),
        Port("trkb_direct", _ONE, "TrkB occupied directly"),
        Port("gaba_potentiation", _ONE, "GABA-A potentiation by benzodiazepines"),
        Port("release_inhibition", _ONE, "Inhibition of glutamate release by lamotrigine"),
        Port("mtor_inhibition", _ONE, "Systemic mTORC1 inhibition by rapamycin"),
        Port("ampa_block", _ONE, "AMPA receptors blocked"),
    ),
    totals=(
        _total("nmda_load", "Sum of C/Ki at the NMDA channel"),
        _total("interneuron_load", "The part of it that counts on interneurons"),
        _total("rest_load", "The part of it that holds at rest"),
        _total("trapped_load", "The part of it that is trapped"),
        Total(Port("hnk_brain", "umol/L", "Hydroxynorketamine seen by its pathway"), local="hnk_active"),
        _total("mu_load", "Sum of C/Ki at mu"),
        _total("mu_agonism", "Sum of efficacy C/Ki at mu"),
        _total("mu_removed", "Mu receptors taken away by a slow antagonist"),
        _total("mu_antagonist_load", "Sum of C/Ki of reversible antagonists and partial agonists at mu"),
        _total("kappa_load", "Sum of C/Ki at kappa"),
        _total("kappa_agonism", "Sum of efficacy C/Ki at kappa"),
        _total("kappa_antagonist_load", "Sum of C/Ki of antagonists at kappa"),
        _total("delta_load", "Sum of C/Ki at delta"),
        _total("delta_agonism", "Sum of efficacy C/Ki at delta"),
        _total("delta_antagonist_load", "Sum of C/Ki of antagonists at delta"),
        _total("trkb_load", "Sum of C/Kd at TrkB"),
    ),
    fragments={
        "ligands": (
            Fragment("ketamine.ant", instances=KETAMINE, shared=True, provides=("ketamine_brain",)),
            Fragment("hnk.ant", instances=HNK, shared=True),
            Fragment("memantine.ant", instances={"memantine": "memantine"}),
            Fragment("lanicemine.ant", instances={"lanicemine": "lanicemine"}),
            Fragment("compound.ant", instances={"compound": "compound"}, provides=("nmda_load",)),
            Fragment("naltrexone.ant", instances={"naltrexone": "naltrexone"}, shared=("naltrexol_relative_potency",)),
            Fragment("buprenorphine.ant", instances={"buprenorphine": "buprenorphine"}),
            Fragment("morphine.ant", instances={"morphine": "morphine"}),
        ),
        # a slice: the free level is imposed; use instead of `ligands`
        "bath": (
            Fragment("bath.ant", instances=KETAMINE, shared=True, provides=("ketamine_brain",)),
            Fragment("lanicemine.ant", instances={"lanicemine": "lanicemine"}),
        ),
        "competition": (
            Fragment(
                "nmda.ant",
                provides=("nmda_occupancy", "nmda_block_interneuron", "nmda_block_rest", "nmda_block_trapping"),
            ),
            Fragment(
                "opioid.ant",
                provides=(
                    "mu_activity",
                    "kappa_activity",
                    "delta_activity",
                    "mu_antagonist_occupancy",
                    "kappa_antagonist_occupancy",
                    "delta_antagonist_occupancy",
                ),
            ),
            Fragment("trkb.ant", provides=("trkb_direct",)),
        ),
        "modulators": (
            Fragment("gaba.ant", parts=("benzodiazepine", "midazolam"), provides=("gaba_potentiation",)),
            Fragment("lamotrigine.ant", parts=("lamotrigine",), provides=("release_inhibition",)),
            Fragment("rapamycin.ant", parts=("rapamycin",), provides=("mtor_inhibition",)),
            Fragment("nbqx.ant", parts=("nbqx",), provides=("ampa_block",)),
        ),
        "none": (Fragment("none.ant"),),
    },
    default=("ligands", "competition", "modulators"),
)
