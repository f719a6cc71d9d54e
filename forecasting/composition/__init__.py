"""Forecasters made of forecasters: combined, transformed, with intervals that adapt, their errors drawn again."""

from forecasting.composition.bootstrap import bootstrap_paths
from forecasting.composition.conformal_forecaster import ConformalForecaster
from forecasting.composition.ensemble import EnsembleForecaster
from forecasting.composition.transformed_target import TransformedTargetForecaster

__all__ = ["ConformalForecaster", "EnsembleForecaster", "TransformedTargetForecaster", "bootstrap_paths"]
