"""Forecasters that run a reservoir freely: its forecast is its next input."""

from forecasting.reservoirs.free_running import ReservoirForecaster
from forecasting.reservoirs.local_field import LocalReservoirForecaster
from forecasting.reservoirs.online_learning import OnlineReservoirForecaster

__all__ = ["LocalReservoirForecaster", "OnlineReservoirForecaster", "ReservoirForecaster"]
