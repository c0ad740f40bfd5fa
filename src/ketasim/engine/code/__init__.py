"""Expression graph to machine code: emission, stepping methods, kernels, the store on disk."""
