"""Virtual trials: designs, people, replicates and their analyses."""
