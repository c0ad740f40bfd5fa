"""Compiled models run over people and schedules: jobs, streaming, gradients, steady states."""
