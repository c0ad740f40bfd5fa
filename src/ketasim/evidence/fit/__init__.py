"""Parameters, calibration, draws and what ships of them."""
