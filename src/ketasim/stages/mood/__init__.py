"""Stage: from synapses and fast drives to mood and thoughts."""
