"""Stage: from occupied receptors to glutamate and the drives on synapses, one variant a mechanism."""
