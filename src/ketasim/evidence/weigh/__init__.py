"""Hypotheses on the same evidence: findings, calibrations, weights, recovery."""
