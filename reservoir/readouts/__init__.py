"""Readouts: linear models that are trained on states, in one pass or online."""
