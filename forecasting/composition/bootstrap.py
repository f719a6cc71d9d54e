"""Possible futures by residual bootstrap: one-step errors drawn again and lived through, step by step."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from forecasting.base.forecaster import Forecaster
from forecasting.intervals.conformal import check_n_samples
from forecasting.intervals.rolling_errors import one_step_errors
from forecasting.series.arrays import rebuild
from forecasting.series.horizons import read_horizon
from reservoir.contracts.random_source import make_rng


def bootstrap_paths(
    forecaster: Forecaster,
    horizon: Any,
    n_samples: int = 100,
    X: Any = None,
    *,
    block_length: int = 1,
    random_state: Any = None,
    initial: Any = None,
) -> Any:
    r"""Draw possible futures by simulating a fitted forecaster.

    .. math:: y^*(t + k) = \hat y(t + k \mid y^*(t + k - 1), \dots) + e^*_k

    with one-step rolling-origin errors :math:`e^*` of the training series drawn with replacement, in blocks of
    consecutive ones. The forecaster is told each value as if it had been observed, so that paths grow apart as the
    model says. Errors are those of `y` itself, whatever transforms are inside. `Forecaster.sample` lays whole paths
    of errors upon the point forecast instead.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted; it is not changed.
    horizon : int, array-like of int, or pandas index
    n_samples : int, default=100
    X : container, optional
        Exogenous variables of the steps ahead.
    block_length : int, default=1
        Consecutive errors drawn together; more than one where errors depend on each other.
    random_state : int, RandomState, Generator or None, default=None
    initial : int or float, optional
        Steps or fraction of the series in the first part, before errors are measured. Default: that of
        `Forecaster.calibrate`, whose errors are read, or else half.

    Returns
    -------
    samples : ndarray or frame
        As `Forecaster.sample`.

    Raises
    ------
    ValueError
        If a number is out of range, or there are fewer errors than a block is long.

    References
    ----------
    B. Efron and R. Tibshirani (1986), Bootstrap methods for standard errors, confidence intervals, and other measures
    of statistical accuracy, Statistical Science 1(1), 54-75, section 6. R. Hyndman and G. Athanasopoulos,
    Forecasting: Principles and Practice, 3rd ed., section 5.5.

    Examples
    --------
    >>> from forecasting import Naive, bootstrap_paths
    >>> y = np.cumsum(np.tile([1.0, -1.0], 100))
    >>> paths = bootstrap_paths(Naive().fit(y), 3, 500, random_state=0)
    >>> sorted(set((paths[2] - y[-1]).tolist()))  # a random walk of three steps
    [-3.0, -1.0, 1.0, 3.0]
    """
    check_is_fitted(forecaster)
    n_samples, block_length = check_n_samples(n_samples), check_n_samples(block_length, "block_length")
    steps = read_horizon(horizon, forecaster.layout_)
    exog = forecaster.read_future_exog(X, forecaster.layout_, [steps.n_steps] * len(forecaster.states_))
    errors = _finite_errors(forecaster, initial)
    rng = make_rng(random_state)
    drawn = [_blocks(each, n_samples, steps.n_steps, block_length, rng) for each in errors]
    paths = _lived_through(forecaster, drawn, exog)
    values = [path[:, steps.steps - 1] for path in paths]
    return rebuild(forecaster.layout_, steps.steps, [np.moveaxis(v, 0, -1) for v in values], range(n_samples))


def _finite_errors(forecaster: Forecaster, initial: Any) -> list[np.ndarray]:
    """Return the one-step errors of each series, (n_origins, n_targets), NaN where nothing was observed."""
    errors = one_step_errors(forecaster, initial)
    if any(np.isinf(each).any() for each in errors):
        raise ValueError("the forecaster diverged within one step on the later part of its training series")
    return errors


def _blocks(
    errors: np.ndarray, n_samples: int, n_steps: int, block_length: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw (n_samples, n_steps, n_targets) errors about their mean, in blocks of consecutive ones."""
    known = np.flatnonzero(~np.isnan(errors).any(axis=1))
    begins = known[: len(known) - block_length + 1]
    begins = begins[known[block_length - 1 :] - begins == block_length - 1]  # no step is missing in between
    if len(begins) == 0:
        raise ValueError(
            f"block_length={block_length} exceeds the {len(known)} errors that there are, or those in a row"
        )
    n_blocks = -(-n_steps // block_length)
    starts = begins[rng.integers(len(begins), size=(n_samples, n_blocks, 1))]
    rows = (starts + np.arange(block_length)).reshape(n_samples, -1)[:, :n_steps]
    return (errors - errors[known].mean(axis=0))[rows]


def _lived_through(forecaster: Forecaster, drawn: list, exog: list | None) -> list[np.ndarray]:
    """Simulate all samples of all series side by side: (n_samples, n_steps, n_targets) per series."""
    n_samples, n_steps, _ = drawn[0].shape
    owners = np.repeat(np.arange(len(drawn)), n_samples)
    states = [forecaster.states_[i] for i in owners]
    shocks = np.concatenate(drawn)
    path = np.empty(shocks.shape)
    for t in range(n_steps):
        row = None if exog is None else [exog[i][t : t + 1] for i in owners]
        ahead = np.stack(forecaster.predict_states(states, 1, row))[:, 0]
        path[:, t] = ahead + shocks[:, t]
        if t + 1 < n_steps:
            try:
                states = forecaster.update_states(states, list(path[:, t : t + 1]), row)
            except ValueError as error:
                raise ValueError(
                    f"a path reached at step {t + 1} what the forecaster cannot go on from: {error}. Take "
                    "forecaster.sample, which draws errors on the scale of its transforms"
                ) from error
    return np.split(path, len(drawn))
