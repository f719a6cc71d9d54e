"""Reservoirs: fixed recurrent dynamics that turn a series into states."""
