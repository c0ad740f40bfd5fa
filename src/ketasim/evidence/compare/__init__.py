"""Predictions beside published numbers: likelihood, baselines, the scorecard."""
