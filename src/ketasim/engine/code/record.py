"""What the caller and the generated loop agree on: the job record and the status codes."""

from __future__ import annotations

OK, NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS, ODD_OUTPUT = range(5)
DRIFTED = 7  # 5 and 6 are found before the run

# What the relative tolerance belongs to: |y| now, the largest so far, or |y| now with shares of the largest beside it.
VALUES, PEAKS, SHARES = range(3)

# One group of lanes; every field is 8 bytes, or W of them.
JOB = (
    ("lanes", "i64"),
    ("parameters", "ptr"),
    ("initial", "ptr"),
    ("segments", "i64"),
    ("boundaries", "ptr"),
    ("inputs", "ptr"),
    ("jumps", "i64"),
    ("jump_segment", "ptr"),
    ("jump_state", "ptr"),
    ("jump_scale", "ptr"),
    ("jump_add", "ptr"),
    ("jump_stride", "i64"),
    ("count", "i64"),
    ("times", "ptr"),
    ("out", "ptr"),
    ("tolerance", "ptr"),
    ("shares", "ptr"),  # of the largest |y| so far, added to the tolerance of each state
    ("relative", "double"),
    ("first_step", "double"),
    ("largest_step", "double"),
    ("most_steps", "i64"),
    ("sizes", "i64"),  # VALUES, PEAKS or SHARES
    ("status", "ptr"),
    ("failed_time", "ptr"),
    ("last_state", "ptr"),
    ("steps", "ptr"),
)
LANES = ("person", "input_place", "jump_place")  # W entries of i64 each, after the fields above
