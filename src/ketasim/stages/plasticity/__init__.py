"""Stage: from drives to proteins, spines and synapses."""
