"""Published studies beside predictions: records, arms, plasma levels, the fit, the weighing of hypotheses."""
