"""Plasticity: from the drive on synapses to AMPA gain, BDNF, mTORC1, new and consolidated spines."""

from __future__ import annotations

from pathlib import Path

from ketasim.core.ports import Fragment, Port, Stage

_ONE = "dimensionless"

STAGE = Stage(
    name="plasticity",
    label="Plasticity",
    folder=Path(__file__).parent,
    inputs=(
        Port("pathway_drive", _ONE, "Drive on synapses, all pathways of the circuit"),
        Port("trkb_direct", _ONE, "TrkB occupied directly"),
        Port("mtor_inhibition", _ONE, "Systemic mTORC1 inhibition by rapamycin"),
        Port("ampa_block", _ONE, "AMPA receptors blocked"),
    ),
    outputs=(
        Port("drive", _ONE, "Drive on synapses, all pathways"),
        Port("ampa_gain", _ONE, "AMPA gain"),
        Port("bdnf", _ONE, "BDNF (undosed 1)", null=1.0),
        Port("mtor", _ONE, "mTORC1 pulse"),
        Port("spines_new", _ONE, "New spines, of the lost share"),
        Port("spines_consolidated", _ONE, "Consolidated spines, of the lost share"),
        Port("spines", _ONE, "Spines regained, of the lost share"),
    ),
    internal=(Port("trkb_drive", _ONE, "Drive from direct TrkB binding"),),
    fragments={
        "synapses": (
            Fragment(
                "synapses.ant",
                provides=("drive", "ampa_gain", "bdnf", "mtor", "spines_new", "spines_consolidated", "spines"),
                switch=("bdnf_release", "ampa_gain_rate"),
            ),
        ),
        "trkb": (Fragment("trkb.ant", provides=("trkb_drive",), switch=("trkb_direct_weight",)),),
        "none": (Fragment("none.ant"),),
    },
    default=("synapses",),
)
