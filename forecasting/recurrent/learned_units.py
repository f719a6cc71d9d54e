"""What is learned of units before training begins, from the part of each series that is trained on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from forecasting.recurrent.windows import WindowScale, divided_origins, spread_of
from forecasting.series.standard_units import moments

LEAST = 1 / 20  # of the spread of lively windows
_LIVELY = 0.9  # quantile of the spreads of a series' windows
_MOST_WINDOWS, _MOST_SERIES = 200, 1000  # that are looked at


class LearnedUnits(NamedTuple):
    """Units that do not depend on a window.

    Parameters
    ----------
    overall : WindowScale
        Mean and standard deviation of the training series, (n_targets,).
    exog : WindowScale
        Of the exogenous variables, (n_exog,).
    least : ndarray of shape (n_targets,)
        The least scale of a window.
    """

    overall: WindowScale
    exog: WindowScale
    least: np.ndarray


def learned_units(
    series: list, exog: list | None, network: Any, scale: str | None, held_out: float
) -> LearnedUnits:
    """Return what the steps that are trained on tell.

    Parameters
    ----------
    series : list of ndarray of shape (n_steps, n_targets)
    exog : list of ndarray of shape (n_steps, n_exog) or None
    network : Network
    scale : {"std", "mean", None}
        As for `units_of`.
    held_out : float
        Part of each series that is not trained on, as for `divided_origins`.
    """
    lengths = np.array([len(y) for y in series])
    training, _ = divided_origins(lengths, network.window, network.horizon, held_out)
    ends = np.where(training.counts > 0, training.first + training.counts - 1 + network.horizon, lengths)
    seen = [y[:end] for y, end in zip(series, ends)]
    if exog is None:
        of_exog = WindowScale(np.zeros(0), np.ones(0))
    else:
        of_exog = WindowScale(*moments(np.concatenate([X[:end] for X, end in zip(exog, ends)])))
    overall = WindowScale(*moments(np.concatenate(seen)))
    return LearnedUnits(overall, of_exog, _least_scale(seen, network.window, scale))


def _least_scale(series: list, window: int, scale: str | None) -> np.ndarray:
    """Return a twentieth of the spread of lively windows of the calmest series that is not constant.

    Without it the noise of a flat stretch would be the unit of the step that ends it.
    """
    spreads = [_lively(y, window, scale or "std") for y in series[:: -(-len(series) // _MOST_SERIES)]]
    least = np.min(np.where(np.array(spreads) > 0, spreads, np.inf), axis=0)
    return np.where(np.isfinite(least), LEAST * least, 0.0)


def _lively(y, window, scale):
    """Return how far lively windows of one series spread, (n_targets,)."""
    windows = sliding_window_view(y, min(window, len(y)), axis=0)
    some = windows[:: -(-len(windows) // _MOST_WINDOWS)]
    return np.quantile(spread_of(np.moveaxis(some, 2, 0), scale), _LIVELY, axis=0)
