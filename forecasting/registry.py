"""All forecasters by name, with fast defaults: the table that the tests and the command line read.

The classes are imported when a recipe is first used, because some of them load statsmodels.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """How to make a forecaster.

    Parameters
    ----------
    module : str
        Where its class is.
    name : str
        The class.
    parameters : callable
        Season length -> keyword arguments.
    """

    module: str
    name: str
    parameters: Callable[[int], dict]

    def __call__(self, season_length: int = 1, **parameters: Any) -> Any:
        """Make the forecaster.

        Parameters
        ----------
        season_length : int, default=1
            Steps in a season; ignored by forecasters that know none.
        **parameters
            Further or other parameters.

        Returns
        -------
        Forecaster
        """
        return getattr(import_module(self.module), self.name)(**(self.parameters(season_length) | parameters))


def _nothing(m: int) -> dict:
    return {}


def _season(m: int) -> dict:
    return {"season_length": m}


def _arima(m: int) -> dict:
    # The airline model where the season is short enough for a state of its length.
    return {"order": (0, 1, 1), "seasonal_order": (0, 1, 1, m)} if 1 < m <= 12 else {"order": (1, 1, 1)}


def _network(m: int) -> dict:
    return {
        "n_units": 16,
        "max_horizon": max(m, 12),
        "n_epochs": 10,
        "steps_per_epoch": 25,
        "random_state": 0,
    }


def _reservoir(m: int) -> dict:
    return {"random_state": 0}


def _local_reservoir(m: int) -> dict:
    """Return a penalty that short series bear, and patches that a single column is wide enough for."""
    readout = Recipe("reservoir.readouts.ridge", "RidgeReadout", _nothing)(alpha=1.0)
    return {"readout": readout, "overlap": 0, "random_state": 0}


def _recursive(m: int) -> dict:
    return {"lags": max(m, 12), "subtract": "last"}


def _direct(m: int) -> dict:
    return {"lags": max(m, 12), "max_horizon": max(m, 12), "subtract": "last"}


def _multi_output(m: int) -> dict:
    """Return one curved regression of all steps together; of a linear one ``direct`` makes the same."""
    scaler = Recipe("sklearn.preprocessing", "StandardScaler", _nothing)()
    waves = Recipe("sklearn.kernel_approximation", "RBFSampler", _nothing)
    ridge = Recipe("sklearn.linear_model", "Ridge", _nothing)(alpha=0.1)
    steps = [
        ("scale", scaler),
        ("waves", waves(gamma="scale", n_components=200, random_state=0)),
        ("ridge", ridge),
    ]
    return {"estimator": Recipe("sklearn.pipeline", "Pipeline", _nothing)(steps=steps), **_direct(m)}


def _ensemble(m: int) -> dict:
    return {"forecasters": [FORECASTERS[name](m) for name in ("seasonal_naive", "theta", "ridge")]}


def _conformal(m: int) -> dict:
    return {"forecaster": FORECASTERS["theta"](m)}


def _auto(m: int) -> dict:
    return {
        "season_length": m,
        "max_horizon": max(m, 8),
        "candidates": ("drift", "theta", "direct"),
        "random_state": 0,
    }


def _ridge(m: int) -> dict:
    """Return a ridge for each step ahead of the standardised series, measured from its last value."""
    estimator = Recipe("sklearn.linear_model", "Ridge", _nothing)(fit_intercept=False)
    forecaster = Recipe("forecasting.reduction.strategies", "DirectForecaster", _direct)(
        m, estimator=estimator
    )
    return {
        "forecaster": forecaster,
        "transforms": Recipe("forecasting.transforms", "Standardize", _nothing)(),
    }


FORECASTERS: dict[str, Recipe] = {
    "naive": Recipe("forecasting.baselines.naive", "Naive", _nothing),
    "seasonal_naive": Recipe("forecasting.baselines.naive", "SeasonalNaive", _season),
    "drift": Recipe("forecasting.baselines.naive", "Drift", _nothing),
    "window_average": Recipe("forecasting.baselines.naive", "WindowAverage", lambda m: {"window": max(m, 4)}),
    "analogue": Recipe("forecasting.baselines.analogue", "Analogue", lambda m: {"window": max(m, 6)}),
    "ets": Recipe("forecasting.baselines.exponential_smoothing", "ETS", _season),
    "theta": Recipe("forecasting.baselines.theta", "Theta", _season),
    "arima": Recipe("forecasting.baselines.arima", "ARIMA", _arima),
    "recursive": Recipe("forecasting.reduction.strategies", "RecursiveForecaster", _recursive),
    "direct": Recipe("forecasting.reduction.strategies", "DirectForecaster", _direct),
    "multi_output": Recipe("forecasting.reduction.strategies", "MultiOutputForecaster", _multi_output),
    "ridge": Recipe("forecasting.composition.transformed_target", "TransformedTargetForecaster", _ridge),
    "ensemble": Recipe("forecasting.composition.ensemble", "EnsembleForecaster", _ensemble),
    "conformal": Recipe("forecasting.composition.conformal_forecaster", "ConformalForecaster", _conformal),
    "auto": Recipe("forecasting.automatic", "AutoForecaster", _auto),
    "reservoir": Recipe("forecasting.reservoirs.free_running", "ReservoirForecaster", _reservoir),
    "online_reservoir": Recipe(
        "forecasting.reservoirs.online_learning", "OnlineReservoirForecaster", _reservoir
    ),
    "local_reservoir": Recipe(
        "forecasting.reservoirs.local_field", "LocalReservoirForecaster", _local_reservoir
    ),
    "gru": Recipe("forecasting.recurrent.gated", "GRUForecaster", _network),
    "lstm": Recipe("forecasting.recurrent.gated", "LSTMForecaster", _network),
}
