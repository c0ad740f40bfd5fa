"""Plasma and companion kinetics beside published concentrations."""
