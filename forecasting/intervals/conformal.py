"""Intervals, quantiles and samples from rolling-origin residuals, with the finite-sample correction.

Residuals of one series are an array ``(n_origins, n_steps, n_targets)``: row `i` holds the errors, truth
minus forecast, of the forecast made at origin `i`. Steps beyond the end of the series are NaN, so later steps
have fewer errors, and so are steps that were not observed.
"""

from collections.abc import Callable
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from forecasting.series.missing import impute_in_time

DEFAULT_INITIAL = 0.5
# More errors than this sharpen no interval, but cost time and memory: a state is kept for every origin.
MOST_ORIGINS = 2000


class TooFewResiduals(ValueError):
    """There are too few residuals for a level so near to 0 or 1."""


def half_widths(residuals: np.ndarray, coverage: float) -> np.ndarray:
    """Return the half-width of the interval of each step and target.

    Of the `n` absolute errors of a step, the ``k = ceil((n + 1) * coverage)``-th smallest: if errors are
    exchangeable, the next one is no larger with probability at least `coverage` (the plain quantile of the
    errors covers less).

    Parameters
    ----------
    residuals : ndarray of shape (n_origins, n_steps, n_targets)
        NaN where there is none.
    coverage : float
        In (0, 1).

    Returns
    -------
    ndarray of shape (n_steps, n_targets)

    Raises
    ------
    ValueError
        If `k` exceeds the number of errors of some step.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World. Lei et al. (2018),
    Distribution-free predictive inference for regression, section 2.2.

    Examples
    --------
    >>> errors = np.arange(-9.0, 10.0).reshape(19, 1, 1)
    >>> float(half_widths(errors, 0.9)[0, 0])
    9.0
    """
    return score_quantiles(np.abs(residuals), coverage)


def score_quantiles(scores: np.ndarray, coverage: float) -> np.ndarray:
    """Return the ``ceil((n + 1) * coverage)``-th smallest of the `n` scores of each step and target.

    What `half_widths` does with absolute errors, for scores of any kind and sign.
    """
    check_fraction(coverage, "coverage")
    n_scores = _count(scores)
    ranks = _ceil((n_scores + 1) * coverage)
    return _ranked(np.sort(scores, axis=0), ranks, n_scores, f"coverage={coverage}")


def residual_quantiles(residuals: np.ndarray, quantiles: Any) -> np.ndarray:
    """Return quantiles of signed residuals, on the safe side for finite samples.

    Of `n` residuals of a step: the ``ceil((n + 1) q)``-th smallest for ``q > 1/2``, the
    ``floor((n + 1) q)``-th for ``q < 1/2``, the mean of both for the median. So at most a fraction ``1 - q``
    lies above the former on average.

    Parameters
    ----------
    residuals : ndarray of shape (n_origins, n_steps, n_targets)
    quantiles : sequence of float
        In (0, 1).

    Returns
    -------
    ndarray of shape (n_steps, n_targets, n_quantiles)

    Raises
    ------
    ValueError
        If there are too few residuals for a quantile so near to 0 or 1.

    Examples
    --------
    >>> errors = np.arange(-9.0, 10.0).reshape(19, 1, 1)
    >>> residual_quantiles(errors, (0.05, 0.5, 0.95)).ravel()
    array([-9.,  0.,  9.])
    """
    ordered = np.sort(residuals, axis=0)
    n_errors = _count(residuals)
    columns = []
    for q in quantiles:
        label = f"quantile {q}"
        upper = _ceil((n_errors + 1) * q)
        lower = -_ceil(-(n_errors + 1) * q)
        if q == 0.5:
            pair = (_ranked(ordered, ranks, n_errors, label) for ranks in (lower, upper))
            columns.append(sum(pair) / 2)
        else:
            columns.append(_ranked(ordered, upper if q > 0.5 else lower, n_errors, label))
    return np.stack(columns, axis=-1)


def draw_paths(residuals: np.ndarray, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw whole residual paths with replacement: (n_samples, n_steps, n_targets).

    Where a step within a path was not observed, it takes the error of that step from the nearest origin that has one.

    Raises
    ------
    ValueError
        If no origin has errors for all steps.
    """
    whole = residuals[~np.isnan(residuals[:, -1:]).all(axis=(1, 2))]
    if len(whole) == 0 or np.isnan(whole).all(axis=0).any():
        raise ValueError(
            f"the series is too short to sample paths of {residuals.shape[1]} steps: no forecast of that "
            "length fits after the first part; shorten horizon, lower initial, or give a longer series"
        )
    return _from_neighbours(whole)[rng.integers(len(whole), size=n_samples)]


def _from_neighbours(paths: np.ndarray) -> np.ndarray:
    """Replace every NaN by the number of the same step and target in the nearest row that has one."""
    paths, rows = paths.copy(), np.arange(len(paths))
    for step, target in np.argwhere(np.isnan(paths).any(axis=0)):
        column = paths[:, step, target]
        known = rows[~np.isnan(column)]
        after = np.searchsorted(known, rows).clip(max=len(known) - 1)
        before = np.maximum(after - 1, 0)
        nearer = np.where(rows - known[before] < abs(known[after] - rows), before, after)
        paths[:, step, target] = column[known[nearer]]
    return paths


def rolling_residuals(forecaster: Any, n_steps: int, initial: Any = None) -> list[np.ndarray]:
    """Return the errors of forecasts made from every origin in the later part of the training series.

    A clone is fitted on the first part of every series and carried through the rest without refitting, so no
    forecast has seen what it is compared with, missing observations filled as time goes on. The origins do not
    depend on `n_steps`: the errors of the first steps are the same whatever the horizon. Parameters
    named ``random_state`` that are None are set in the clone, so that the result is repeatable.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    n_steps : int
        Steps ahead.
    initial : int or float, optional
        Steps or fraction of the series in the first part. Default: half, or all but the last 2000 steps if
        that is more.

    Returns
    -------
    list of ndarray of shape (n_origins, n_steps, n_targets)
        One per series, NaN beyond the end of the series and where nothing was observed; ``n_origins`` is the number
        of steps after the first part.
    """
    origins = rolling_origins(forecaster, initial)
    return errors_from(origins, n_steps, origins.model.predict_states, origins.model._errors)


class Origins(NamedTuple):
    """A model fitted on the first part of every series, and its states at every step from there on.

    ``states[i]`` holds one state for each step of series `i` from ``cuts[i]``, the length of its first part, to its
    end. ``observed[i]`` is the series before missing observations were filled. ``plain`` tells whether the model
    forecasts `y` as the forecaster does that it was made from.
    """

    model: Any
    states: list
    cuts: list
    series: list
    observed: list
    exog: list | None
    plain: bool = True


def rolling_origins(forecaster: Any, initial: Any = None) -> Origins:
    """Fit a clone on the first part of every training series and carry it through the rest."""
    cuts = [length_of_first_part(len(y), initial) for y in forecaster.series_]
    series = series_in_time(forecaster, cuts)
    observed, exog = forecaster.observed_, forecaster.exog_
    heads = [y[:cut] for y, cut in zip(series, cuts)]
    past = None if exog is None else [X[:cut] for X, cut in zip(exog, cuts)]
    observed_heads = None if observed is None else [y[:cut] for y, cut in zip(observed, cuts)]
    model = reproducible_clone(forecaster)
    try:
        states = model.fit_arrays(heads, past, observed_heads)
    except ValueError as error:
        raise ValueError(first_part_failed(min(cuts), error)) from error
    return origins_after(model, states, cuts, series, forecaster)


def origins_after(model: Any, first: list, cuts: list, series: list, forecaster: Any) -> Origins:
    """Return the states of a model at every step after the first parts, from those at their ends."""
    observed, exog = forecaster.observed_, forecaster.exog_
    rest = None if exog is None else [X[cut:] for X, cut in zip(exog, cuts)]
    traces = model.trace_states(first, [y[cut:] for y, cut in zip(series, cuts)], rest)
    states = [[state, *trace] for state, trace in zip(first, traces)]
    return Origins(model, states, cuts, series, series if observed is None else observed, exog)


def first_part_failed(n_steps: int, error: Exception) -> str:
    """Say that a forecaster which learns from the whole series cannot learn from its first part."""
    return (
        f"intervals need a fit on the first part of the series ({n_steps} steps), which failed: {error}. Give a "
        "longer series or a larger initial"
    )


def series_in_time(forecaster: Any, cuts: list) -> list:
    """Return the training series as they were known as time went on.

    Missing observations of the first parts, of so many steps, are filled from these parts, later ones from the steps
    before them alone: what `fit` filled from both sides of a hole knows what came after it.
    """
    series, observed, rule = forecaster.series_, forecaster.observed_, forecaster.missing_rule()
    if observed is None or rule is None:
        return series
    try:
        return [impute_in_time(y, rule, "y", cut) for y, cut in zip(observed, cuts)]
    except ValueError as error:
        raise ValueError(
            f"intervals need the first part of the series ({min(cuts)} steps) filled from itself, which failed: "
            f"{error}. Or choose a larger initial"
        ) from error


def errors_from(origins: Origins, n_steps: int, forecast: Callable, errors: Callable) -> list[np.ndarray]:
    """Return the errors of one kind, as `errors_of_each` does of several."""
    return errors_of_each(origins, n_steps, forecast, (errors,))[0]


def errors_of_each(
    origins: Origins, n_steps: int, forecast: Callable, kinds: tuple[Callable, ...]
) -> list[list[np.ndarray]]:
    """Forecast from all origins, in batches of equally many steps, and compare with the truth.

    Parameters
    ----------
    origins : Origins
    n_steps : int
    forecast : callable
        ``forecast(states, n_steps, exog)`` gives one array per state, its first axis that of steps.
    kinds : tuple of callable
        ``errors(state, truth, forecast)`` gives (n_steps, n_targets).

    Returns
    -------
    list of list of ndarray of shape (n_origins, n_steps, n_targets)
        Of each kind, of each series.
    """
    _, states, cuts, series, observed, exog, _ = origins
    shapes = [(len(y) - cut, n_steps, y.shape[1]) for y, cut in zip(series, cuts)]
    residuals = [[np.full(shape, np.nan) for shape in shapes] for _ in kinds]
    batches: dict[int, list] = {}
    for i, (n_origins, *_) in enumerate(shapes):
        for row in range(n_origins):
            batches.setdefault(min(n_steps, n_origins - row), []).append((i, row))
    for n, places in batches.items():
        future = None if exog is None else [exog[i][cuts[i] + row : cuts[i] + row + n] for i, row in places]
        paths = forecast([states[i][row] for i, row in places], n, future)
        for (i, row), path in zip(places, paths):
            steps = slice(cuts[i] + row, cuts[i] + row + n)
            unseen = np.isnan(observed[i][steps])
            for errors, found in zip(kinds, residuals):
                error = errors(states[i][row], series[i][steps], path)
                error = np.where(np.isfinite(error), error, np.inf)  # a forecast that diverged
                found[i][row, :n] = np.where(unseen, np.nan, error)
    return residuals


def check_n_samples(n_samples: Any, name: str = "n_samples") -> int:
    """Return how many samples to draw, or raise if that is no whole number above 0."""
    count = float(n_samples) if isinstance(n_samples, Real) else np.nan
    if not (count >= 1 and count.is_integer()):
        raise ValueError(f"{name}={n_samples!r} must be a whole number, at least 1")
    return int(count)


def check_fraction(value: Any, name: str) -> None:
    """Raise unless `value` is a fraction strictly between 0 and 1."""
    if not isinstance(value, Real) or not 0 < float(value) < 1:
        percent = isinstance(value, Real) and 1 < float(value) < 100
        hint = f"; did you mean {float(value) / 100}?" if percent else ""
        raise ValueError(f"{name}={value!r} must be a fraction between 0 and 1, such as 0.9{hint}")


def check_quantiles(quantiles: Any) -> list[float]:
    """Return quantiles as a list of floats, or raise unless they increase strictly between 0 and 1."""
    levels = [quantiles] if isinstance(quantiles, Real) else list(quantiles)
    for level in levels:
        check_fraction(level, "quantiles")
    if not levels or any(b <= a for a, b in pairwise(levels)):
        raise ValueError(f"quantiles={quantiles!r} must be strictly increasing, for example (0.1, 0.5, 0.9)")
    return [float(level) for level in levels]


def length_of_first_part(n_steps: int, initial: Any) -> int:
    """Return how many steps the first part has, or raise if nothing is left."""
    if initial is None:
        initial = max(int(np.ceil(n_steps * DEFAULT_INITIAL)), n_steps - MOST_ORIGINS)
    if isinstance(initial, Integral) and not isinstance(initial, bool):
        cut = int(initial)
    elif isinstance(initial, Real) and 0 < float(initial) < 1:
        cut = int(np.ceil(n_steps * float(initial)))
    else:
        raise ValueError(f"initial={initial!r} must be a number of steps (int) or a fraction between 0 and 1")
    if not 1 <= cut < n_steps:
        raise ValueError(
            f"initial={initial!r} leaves {n_steps - cut} of {n_steps} steps to calibrate intervals on: at "
            "least one is needed, and one before; give a longer series or another initial"
        )
    return cut


def reproducible_clone(forecaster: Any) -> Any:
    """Return an unfitted copy whose parameters named ``random_state`` are 0 where they were None."""
    model = clone(forecaster)
    seeds = {
        name: 0
        for name, value in model.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    return model.set_params(**seeds)


def _count(residuals: np.ndarray) -> np.ndarray:
    return (~np.isnan(residuals)).sum(axis=0)


def _ceil(numbers: np.ndarray) -> np.ndarray:
    """Return the ceiling, forgiving the rounding of products such as 10 * 0.7 = 7.000000000000001."""
    return np.ceil(numbers - 1e-9).astype(np.int64)


def _ranked(ordered: np.ndarray, ranks: np.ndarray, n_errors: np.ndarray, what: str) -> np.ndarray:
    """Return the `ranks`-th smallest per step and target; NaNs stand last in `ordered`."""
    bad = (ranks > n_errors) | (ranks < 1)
    if bad.any():
        step, target = np.argwhere(bad)[0]
        n = int(n_errors[step, target])
        raise TooFewResiduals(
            f"{what} needs more rolling-origin errors than there are: step {step + 1} has {n}, from which "
            f"the most extreme fractions are {1 / (n + 1):.3g} and {n / (n + 1):.3g}; give a longer series, "
            "a shorter horizon, a smaller initial, or ask for less"
        )
    return np.take_along_axis(ordered, ranks[np.newaxis] - 1, axis=0)[0]
