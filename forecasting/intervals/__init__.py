"""How sure a forecast is: finite-sample intervals out of past errors, distributions, paths."""
