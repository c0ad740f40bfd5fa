"""Decisions on top of evidence and model: the claims ledger."""
