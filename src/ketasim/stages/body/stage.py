"""Body: what is felt and measured in the first hours, beside mood. Dissociation, blood pressure, heart rate, sedation,
nausea, dizziness, each driven by the level at the brain; none of them feeds back into the drug's path to mood."""

from pathlib import Path

from ketasim.core.ports import Fragment, Port, Stage

STAGE = Stage(
    name="body",
    label="Body",
    folder=Path(__file__).parent,
    inputs=(
        Port("s_ketamine_brain", "umol/L", "S-ketamine at the brain, unbound"),
        Port("r_ketamine_brain", "umol/L", "R-ketamine at the brain, unbound"),
        Port("compound_nmda_load", "dimensionless", "load of a user's compound on the NMDA channel"),
        Port("gaba_potentiation", "dimensionless", "GABA-A potentiation by benzodiazepines"),
        Port("mu_agonism", "dimensionless", "sum of efficacy C/Ki at mu"),
        Port("mu_load", "dimensionless", "sum of C/Ki at mu"),
        Port("mu_removed", "dimensionless", "mu receptors taken away by a slow antagonist"),
    ),
    outputs=(
        Port("cadss", "point", "dissociation, CADSS total"),
        Port("sbp_rise", "mmHg", "systolic pressure above rest"),
        Port("dbp_rise", "mmHg", "diastolic pressure above rest"),
        Port("heart_rate_rise", "bpm", "heart rate above rest"),
        Port("moaas", "point", "alertness, MOAA/S", null=5.0),
        Port("nausea", "dimensionless", "probability of nausea"),
        Port("dizziness", "dimensionless", "probability of dizziness"),
    ),
    internal=(
        Port("acute_level", "umol/L", "level that drives the acute effects, in S-ketamine equivalents"),
        Port("compound_equivalent", "umol/L", "a user's compound as S-ketamine of equal NMDA load"),
    ),
    fragments={
        "dissociation": (Fragment("dissociation.ant", provides=("cadss",)),),
        "cardiovascular": (Fragment("cardiovascular.ant", provides=("sbp_rise", "dbp_rise", "heart_rate_rise")),),
        "sedation": (Fragment("sedation.ant", provides=("moaas",)),),
        "nausea": (Fragment("nausea.ant", provides=("nausea",)),),
        "dizziness": (Fragment("dizziness.ant", provides=("dizziness",)),),
        "level": (Fragment("level.ant", provides=("acute_level", "compound_equivalent")),),
        "none": (
            Fragment(
                "none.ant",
                provides=(
                    "cadss",
                    "sbp_rise",
                    "dbp_rise",
                    "heart_rate_rise",
                    "moaas",
                    "nausea",
                    "dizziness",
                ),
            ),
        ),
    },
    default=("level", "dissociation", "cardiovascular", "sedation", "nausea", "dizziness"),
)
