"""One person: what has been given and seen, and what may follow under several options."""
