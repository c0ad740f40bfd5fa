"""Random tests are the same on every run, unless an exploring run is asked for: pytest --hypothesis-profile=explore."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
settings.register_profile(
    "explore",
    derandomize=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    max_examples=2000,
)
settings.load_profile("repeatable")
