"""The linear forecast that a network may add to: a ridge regression of what follows a window, in closed form.

With many windows a network needs long to find what a regression knows at once, and never finds it to its last
digit. So the regression comes first and stays, and the network learns what it leaves over (Zhang 2003, there with
ARIMA as the linear part).

References
----------
G. P. Zhang (2003). Time series forecasting using a hybrid ARIMA and neural network model. Neurocomputing 50, 159-175.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from forecasting.recurrent.window_network import LinearLayer, Scaled
from forecasting.recurrent.windows import SeriesWindows, divided_origins
from reservoir.readouts.centred_rows import GramSums
from reservoir.readouts.ridge_path import EigenPath

_PENALTIES = np.logspace(-4, 1, 11)  # parts of the mean square of what is regressed on
_MOST_WINDOWS, _MOST_VALIDATED = 100_000, 1024
_AT_ONCE = 1024
_MOST_FEATURES = 10_000  # whose eigenvectors take minutes


def autoregression(trained: Any, series: list, held_out: float) -> LinearLayer | tuple:
    """Regress what follows on the window before it, both in the units of the window.

    Parameters
    ----------
    trained : Trained
        Its network and units.
    series : list of ndarray of shape (n_steps, n_targets)
    held_out : float
        Part of each series that is not regressed on, as for `divided_origins`, and that chooses the penalty by its
        squared error. Where that is nothing, generalised cross-validation does.

    Returns
    -------
    LinearLayer
        From (window * n_targets) to (horizon * n_targets); an empty tuple where no series holds a window.

    Raises
    ------
    ValueError
        If a window holds too many numbers.
    """
    network = trained.network
    n_features = network.window * network.n_targets
    if n_features > _MOST_FEATURES:
        raise ValueError(
            f"linear_skip='ridge' regresses on the whole window, {network.window} steps of {network.n_targets} "
            f"targets: {n_features} numbers, at most {_MOST_FEATURES} are possible. Shorten the window, give the "
            "targets as series of a panel, or set linear_skip=True"
        )
    windows = SeriesWindows(series, None, network.window, network.horizon)
    origins, unseen = divided_origins(windows.lengths, network.window, network.horizon, held_out)
    if origins.total == 0:
        return ()
    sums = GramSums(n_features, network.horizon * network.n_targets)
    for past, future in _rows(trained, windows, origins.spread(_MOST_WINDOWS)):
        sums.add(past, future)
    penalties = _PENALTIES * (np.trace(sums.gram) / n_features or 1.0)
    path = EigenPath(sums, penalties[0])
    if unseen is None:
        scores = path.gcv(penalties).sum(axis=1)
    else:
        scores = np.zeros(len(penalties))
        for past, future in _rows(trained, windows, unseen.spread(_MOST_VALIDATED)):
            past -= sums.mean_x
            for k, penalty in enumerate(penalties):
                scores[k] += np.sum((past @ path.coefficients(penalty) + sums.mean_y - future) ** 2)
    weights = path.coefficients(penalties[int(np.argmin(scores))])
    return LinearLayer(
        *(part.astype(trained.dtype) for part in (weights, sums.mean_y - sums.mean_x @ weights))
    )


def _rows(trained: Any, windows: SeriesWindows, places: tuple) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield windows and what follows them, one row each, some at a time."""
    for start in range(0, len(places[0]), _AT_ONCE):
        some = windows.at(*(part[start : start + _AT_ONCE] for part in places))
        units = trained.units(some.past)
        yield flat(units.standard(some.past)), flat(units.standard(some.future))


def flat(z: np.ndarray) -> np.ndarray:
    """From (n_steps, n_windows, n_columns) to (n_windows, n_steps * n_columns)."""
    return np.ascontiguousarray(z.swapaxes(0, 1)).reshape(z.shape[1], -1)


def added_to(batch: Scaled, linear: LinearLayer, n_steps: int, locations: np.ndarray) -> Scaled:
    """Return a batch to whose raw numbers the regression's forecast is added, where they are `locations`.

    Parameters
    ----------
    batch : Scaled
    linear : LinearLayer
    n_steps : int
        The horizon.
    locations : ndarray of shape (n_parameters,)
        Of the head.
    """
    forecast = flat(batch.past) @ linear.weights + linear.bias
    apart = forecast.reshape(len(forecast), n_steps, -1, 1) * locations.astype(forecast.dtype)
    return batch._replace(offset=apart.reshape(len(forecast), n_steps, -1).swapaxes(0, 1))
