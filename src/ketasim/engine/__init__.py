"""Model text to trajectories: reads SBML or Antimony, writes vector machine code, integrates many people at once.

It takes arrays and knows neither people nor ketamine. Importing this package is cheap; libSBML, Antimony and LLVM are
loaded when a model is compiled.
"""

from .api import Jump, Model, Options, Schedule, Trajectories, compile_model

__all__ = ["Jump", "Model", "Options", "Schedule", "Trajectories", "compile_model"]
