"""A chain of two small stages, in files of their own: an intake copied per enantiomer, and a response that sums."""

from pathlib import Path

from ketasim.chain import compose
from ketasim.core import Value
from ketasim.core.ports import Fragment, Port, Stage, Total

INTAKE = """\
// Amounts of one enantiomer.
model intake
  substanceOnly species toy_middle in body_space, toy_gone in body_space;
  toy_middle has umol; toy_gone has umol;
  const toy_feed = 0;
  toy_feed has umol_per_hour;
  feeding: -> toy_middle; toy_feed;          // by vein
  leaving: toy_middle -> toy_gone; toy_clearance*toy_middle/toy_size;
  toy_level := (toy_middle + toy_depot_amount)/toy_size;
end
"""
DEPOT = """\
model depot
  substanceOnly species toy_depot in body_space;
  toy_depot has umol;
  toy_depot_amount := toy_depot;
  taking_up: toy_depot -> toy_middle; toy_uptake*toy_depot;
end
"""
LIGAND = """\
model ligand
  toy_load := toy_level/toy_affinity;
  toy_load has dimensionless;
end
"""
BOUND = """\
model bound
  toy_bound := toy_total/(1 + toy_total);
  toy_effect' = toy_rate*(toy_bound - toy_effect);
  toy_effect = toy_start;
  toy_effect has dimensionless;
end
"""
NONE = "model nothing\nend\n"

VALUES = {
    "toy_clearance": (2.0, "L/h"),
    "toy_size": (10.0, "L"),
    "toy_uptake": (0.5, "1/h"),
    "r_toy_affinity": (4.0, "umol/L"),
    "toy_affinity": (1.5, "umol/L"),
    "toy_rate": (0.25, "1/h"),
    "toy_start": (0.125, "dimensionless"),
}
COPIES = {"toy_s": "s", "toy_r": "r"}


def value(key, number, unit):
    return Value(key, "toy", number, unit, "Nobody2000", "Table 9", "assumed", "D", label=f"The {key}", symbol="k")


class Toy:
    """The files, declarations and values of the toy chain; each may be changed before `compose`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {
            "intake/intake.ant": INTAKE,
            "intake/depot.ant": DEPOT,
            "response/ligand.ant": LIGAND,
            "response/bound.ant": BOUND,
            "response/none.ant": NONE,
        }
        self.values = {key: value(key, *what) for key, what in VALUES.items()}
        self.intake = {
            "name": "intake",
            "label": "Intake",
            "inputs": (),
            "outputs": (Port("s_toy_level", "umol/L"), Port("r_toy_level", "umol/L")),
            "internal": (Port("s_toy_depot_amount", "umol"), Port("r_toy_depot_amount", "umol")),
            "fragments": {
                "main": (
                    Fragment("intake.ant", instances=COPIES, shared=True, provides=("toy_level",)),
                    Fragment("depot.ant", instances=COPIES, shared=True, also=("toy_swallowed",)),
                ),
            },
            "default": ("main",),
        }
        self.response = {
            "name": "response",
            "label": "Response",
            "inputs": (Port("s_toy_level", "umol/L"), Port("r_toy_level", "umol/L")),
            "outputs": (Port("toy_bound", "dimensionless", "Bound share"), Port("toy_total", "dimensionless")),
            "totals": (Total(Port("toy_total", "dimensionless"), local="toy_load"),),
            "fragments": {
                "ligands": (Fragment("ligand.ant", instances=COPIES, shared=("toy_affinity", "toy_load_power")),),
                "bound": (Fragment("bound.ant", provides=("toy_bound",)),),
                "none": (Fragment("none.ant"),),
            },
            "default": ("ligands", "bound"),
        }

    def stages(self):
        for name, text in self.files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return (
            Stage(folder=self.folder / "intake", **self.intake),
            Stage(folder=self.folder / "response", **self.response),
        )

    def compose(self, parts=("toy_s", "toy_r"), variants=None):
        return compose(parts, variants, values=self.values, stages=self.stages())
