"""Why a published fact is missed, where more than one test expects it; each said once."""

FLAT = (
    "misfit: beside saline what is noticed keeps mood flat between 2 and 30 h (-6.7 at 3 h, -6.5 at 24 h); a smaller transient expectancy, which "
    "would put the lowest point after a day, is refused by the placebo course of SYNAPSE (docs/decisions/0006, fourth series)"
)
