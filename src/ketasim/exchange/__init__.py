"""Exchange with other programs: SBML, Antimony, PEtab, COMBINE archives, ADPPK, plain functions; tables of doses and observations."""
