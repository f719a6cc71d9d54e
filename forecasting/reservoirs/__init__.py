"""Forecasters that run a reservoir freely: its forecast is its next input."""

from forecasting.reservoirs.local_reservoir_model import LocalReservoirForecaster
from forecasting.reservoirs.online_reservoir import OnlineReservoirForecaster
from forecasting.reservoirs.reservoir_model import ReservoirForecaster

__all__ = ["LocalReservoirForecaster", "OnlineReservoirForecaster", "ReservoirForecaster"]
