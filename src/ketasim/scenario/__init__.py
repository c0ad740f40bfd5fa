"""A scenario: what is given to whom, run for one person and for many, compared, changed."""
