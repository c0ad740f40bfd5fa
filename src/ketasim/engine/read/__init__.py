"""Model text (Antimony, SBML) to definitions, with limits on what a file may ask for."""
