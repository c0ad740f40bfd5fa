"""Stage: from doses to levels of ketamine, its metabolites and what is taken beside it."""
