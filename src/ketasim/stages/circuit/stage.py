"""Circuit: from block to the glutamate surge and the other pathways that may drive synapses.

Each hypothesis is a variant; several may be on at once, and everything that ends in `_drive` adds up to `pathway_drive`,
which the plasticity stage takes: a further pathway needs no edit elsewhere. What is off
contributes nothing (an opioid gate that is off stands open).
"""

from __future__ import annotations

from pathlib import Path

from ketasim.core.ports import Fragment, Port, Stage, Total

_ONE = "dimensionless"

STAGE = Stage(
    name="circuit",
    label="Circuit",
    folder=Path(__file__).parent,
    inputs=(
        Port("nmda_occupancy", _ONE, "NMDA channel site occupied"),
        Port("nmda_block_interneuron", _ONE, "Block that counts on interneurons"),
        Port("nmda_block_rest", _ONE, "Block that holds at rest in magnesium"),
        Port("nmda_block_trapping", _ONE, "Block trapped in closed channels"),
        Port("mu_activity", _ONE, "Mu opioid activity (undosed 1)", null=1.0),
        Port("kappa_activity", _ONE, "Kappa opioid activity (undosed 1)", null=1.0),
        Port("gaba_potentiation", _ONE, "GABA-A potentiation by benzodiazepines"),
        Port("release_inhibition", _ONE, "Inhibition of glutamate release by lamotrigine"),
        Port("hnk_brain", "umol/L", "Hydroxynorketamine seen by its pathway, (2R,6R) equivalents"),
    ),
    outputs=(
        Port("glutamate", _ONE, "Prefrontal glutamate cycling (undosed 1)", null=1.0),
        Port("glutamate_surge", _ONE, "Surge, share of the largest possible"),
        Port("surge_drive", _ONE, "Drive on synapses from the surge"),
        Port("rest_block", _ONE, "Block at rest of principal cells"),
        Port("rest_drive", _ONE, "Drive on synapses from block at rest"),
        Port("hnk_drive", _ONE, "Drive on synapses from hydroxynorketamine"),
        Port("habenula", _ONE, "Silencing of habenular bursts"),
        Port("kappa_relief", _ONE, "Kappa tone lost"),
    ),
    internal=(
        Port("opioid_gate", _ONE, "Opening of the opioid gate (mu)", null=1.0),
        Port("kappa_gate", _ONE, "Opening of the same gate on kappa tone", null=1.0),
    ),
    totals=(Total(Port("pathway_drive", _ONE, "Drive on synapses, all pathways of the circuit"), local="drive"),),
    fragments={
        "disinhibition": (
            Fragment(
                "disinhibition.ant",
                provides=("glutamate", "glutamate_surge", "surge_drive"),
                switch=("surge_weight", "glutamate_rise", "glutamate_fall"),
            ),
        ),
        "trigger": (
            Fragment(
                "trigger.ant",
                provides=("glutamate", "glutamate_surge", "surge_drive"),
                switch=("surge_weight", "glutamate_rise", "glutamate_fall"),
            ),
        ),
        "opioid_gate": (Fragment("opioid_gate.ant", provides=("opioid_gate",), switch=("opioid_gate_weight",)),),
        "kappa_gate": (Fragment("kappa_gate.ant", provides=("kappa_gate",), switch=("kappa_gate_weight",)),),
        "kappa_relief": (Fragment("kappa_relief.ant", provides=("kappa_relief",), switch=("mood_kappa_size",)),),
        "rest_block": (
            Fragment("rest_block.ant", provides=("rest_block", "rest_drive"), switch=("rest_block_weight",)),
        ),
        "hnk": (Fragment("hnk.ant", provides=("hnk_drive",), switch=("hnk_weight",)),),
        "habenula": (
            Fragment("habenula.ant", provides=("habenula",), switch=("mood_habenula_size", "habenula_presence")),
        ),
        "none": (Fragment("none.ant"),),
    },
    default=("disinhibition", "opioid_gate"),
)
