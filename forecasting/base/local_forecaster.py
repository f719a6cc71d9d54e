"""Forecasters that treat every series alone."""

from typing import Any

import numpy as np

from forecasting.base.forecaster import Forecaster


class LocalForecaster(Forecaster):
    """Base of forecasters that treat every series alone, with a model of its own.

    A subclass implements pure functions of one series: ``_fit_one``, ``_predict_one``, ``_update_one`` and,
    if it learns weights, ``_restart_one``. A model is a NamedTuple of arrays and numbers: weights and state.
    """

    def _fit_one(self, y: np.ndarray, X: np.ndarray | None) -> Any:
        """Return the model of one series of shape (n_steps, n_targets), its state at the end."""
        raise NotImplementedError

    def _predict_one(self, model: Any, n_steps: int, X: np.ndarray | None) -> np.ndarray:
        """Continue by `n_steps`: (n_steps, n_targets)."""
        raise NotImplementedError

    def _update_one(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> Any:
        """Return the model after further observations, its weights kept."""
        raise NotImplementedError

    def _restart_one(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> Any:
        """Return the model at the end of another series, the weights kept.

        This default fits anew: right for methods that learn nothing beyond what they remember of the series.
        """
        return self._fit_one(y, X)

    def _fit(self, series, exog):
        return [self._fit_one(y, X) for y, X in zip(series, _each(exog, series))]

    def _predict(self, states, n_steps, exog):
        return [self._predict_one(model, n_steps, X) for model, X in zip(states, _each(exog, states))]

    def _update(self, states, series, exog):
        return [self._update_one(m, y, X) for m, y, X in zip(states, series, _each(exog, series))]

    def _restart(self, series, exog):
        models = self.states_
        if len(series) != len(models):
            if not self._forecaster_tags().accepts_unseen:
                raise ValueError(
                    f"context has {len(series)} series, but {type(self).__name__} learned one model for "
                    f"each of the {len(models)} series in fit: give one context for each, in the same order"
                )
            models = models[:1] * len(series)
        return [self._restart_one(m, y, X) for m, y, X in zip(models, series, _each(exog, series))]


class ColumnForecaster(LocalForecaster):
    """Base of forecasters of one variable: every column of every series has a model of its own.

    A subclass implements the same hooks for a column, a 1-D array: ``_fit_column(y, X)``,
    ``_predict_column(model, n_steps, X)``, ``_update_column(model, y, X)``, ``_restart_column(model, y, X)``.
    """

    def _fit_column(self, y: np.ndarray, X: np.ndarray | None) -> Any:
        raise NotImplementedError

    def _predict_column(self, model: Any, n_steps: int, X: np.ndarray | None) -> np.ndarray:
        raise NotImplementedError

    def _update_column(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> Any:
        raise NotImplementedError

    def _restart_column(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> Any:
        raise NotImplementedError

    def _fit_one(self, y, X):
        return tuple(self._fit_column(column, X) for column in np.ascontiguousarray(y.T))

    def _predict_one(self, model, n_steps, X):
        return np.stack([self._predict_column(m, n_steps, X) for m in model], axis=1)

    def _update_one(self, model, y, X):
        return tuple(self._update_column(m, column, X) for m, column in zip(model, y.T))

    def _restart_one(self, model, y, X):
        return tuple(self._restart_column(m, column, X) for m, column in zip(model, y.T))


def _each(exog: list | None, series: list) -> list:
    return [None] * len(series) if exog is None else exog
