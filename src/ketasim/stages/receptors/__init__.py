"""Stage: from levels to occupied receptors."""
