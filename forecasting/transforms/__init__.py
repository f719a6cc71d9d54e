"""Transforms of the target, for `TransformedTargetForecaster`, and the table ``TRANSFORMS``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forecasting.registry import Recipe
from forecasting.transforms.base_transform import Transform
from forecasting.transforms.difference import Difference
from forecasting.transforms.level import Detrend, Standardize
from forecasting.transforms.power import BoxCox, Log

if TYPE_CHECKING:
    from forecasting.transforms.deseasonalize import Deseasonalize

__all__ = [
    "TRANSFORMS",
    "BoxCox",
    "Deseasonalize",
    "Detrend",
    "Difference",
    "Log",
    "Standardize",
    "Transform",
]

# By name, for a season of some length.
TRANSFORMS: dict[str, Recipe] = {
    "difference": Recipe("forecasting.transforms.difference", "Difference", lambda m: {"lags": (1,)}),
    "seasonal_difference": Recipe(
        "forecasting.transforms.difference", "Difference", lambda m: {"lags": (m,)}
    ),
    "deseasonalize": Recipe(
        "forecasting.transforms.deseasonalize", "Deseasonalize", lambda m: {"season_length": m}
    ),
    "log": Recipe("forecasting.transforms.power", "Log", lambda m: {}),
    "box_cox": Recipe("forecasting.transforms.power", "BoxCox", lambda m: {"season_length": m}),
    "standardize": Recipe("forecasting.transforms.level", "Standardize", lambda m: {}),
    "detrend": Recipe("forecasting.transforms.level", "Detrend", lambda m: {}),
}


def __getattr__(name: str) -> Any:
    if name != "Deseasonalize":
        raise AttributeError(f"module 'forecasting.transforms' has no attribute {name!r}")
    return import_module("forecasting.transforms.deseasonalize").Deseasonalize  # loads statsmodels
