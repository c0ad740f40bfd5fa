"""Expression graphs: derivatives, elimination, switches and the intervals in which they cannot change."""
