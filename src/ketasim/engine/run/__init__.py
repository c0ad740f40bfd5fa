"""Compiled models run over people and schedules: jobs, streaming, steady states."""
