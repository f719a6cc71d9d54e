"""Forecasters that treat every series alone."""

from typing import Any

import numpy as np

from forecasting.base import Forecaster


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
        if len(series) != len(self.states_):
            if not self._forecaster_tags().accepts_unseen:
                raise ValueError(
                    f"context has {len(series)} series, but {type(self).__name__} learned one model for "
                    f"each of the {len(self.states_)} series in fit: give one context for each, in the same "
                    "order"
                )
            models = [self.states_[0]] * len(series)
        else:
            models = self.states_
        return [self._restart_one(m, y, X) for m, y, X in zip(models, series, _each(exog, series))]


def _each(exog: list | None, series: list) -> list:
    return [None] * len(series) if exog is None else exog
