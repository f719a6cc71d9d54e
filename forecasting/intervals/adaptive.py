"""Conformal half-widths that follow errors which change: the newest errors only, and levels that adapt.

Residuals are arrays ``(n_origins, n_steps, n_targets)`` as in `forecasting.intervals.conformal`; row `i` was
known, for the step `k` ahead, `k` steps after origin `i`.
"""

from bisect import bisect_left, insort

import numpy as np

from forecasting.intervals.conformal import check_fraction, half_widths


def newest(residuals: np.ndarray, window: int) -> np.ndarray:
    """Return the last errors of each step, NaN where there are fewer.

    Parameters
    ----------
    residuals : ndarray of shape (n_origins, n_steps, n_targets)
        NaN beyond the end of the series, so that later steps end earlier, and where nothing was observed.
    window : int
        How many of each step.

    Returns
    -------
    ndarray of shape (window, n_steps, n_targets)

    Examples
    --------
    >>> errors = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]])[:, :, None]
    >>> newest(errors, 2)[:, :, 0]
    array([[3., 2.],
           [5., 4.]])
    """
    kept = np.full((window, *residuals.shape[1:]), np.nan)
    for step, target in np.ndindex(residuals.shape[1:]):
        errors = residuals[:, step, target]
        last = errors[~np.isnan(errors)][-window:]
        kept[window - len(last) :, step, target] = last
    return kept


def newest_paths(residuals: np.ndarray, window: int) -> np.ndarray:
    """Return the last ``window`` rows whose steps all have errors."""
    last = len(residuals) - residuals.shape[1] + 1
    return residuals[max(0, last - window) : max(0, last)]


def adaptive_half_widths(
    residuals: np.ndarray, coverage: float, step_size: float, window: int | None = None
) -> np.ndarray:
    r"""Return half-widths whose level has followed the misses so far: adaptive conformal inference.

    At every origin the interval of a step is wide enough for a fraction :math:`1 - \alpha_t` of the errors known
    then; when its truth comes to be known,

    .. math:: \alpha_{t+1} = \alpha_t + \gamma \, (\alpha - \mathrm{miss}_t), \qquad \alpha = 1 - \text{coverage}

    so that whatever the errors do, misses are a fraction :math:`\alpha` in the long run: of `n` origins within
    :math:`(\max(\alpha, 1 - \alpha) + \gamma) / (\gamma n)` for one step ahead (the paper's proposition 4.1). Every
    step and target has its own level; a miss of step `k` is learned `k` steps later.

    Parameters
    ----------
    residuals : ndarray of shape (n_origins, n_steps, n_targets)
    coverage : float
        In (0, 1).
    step_size : float
        :math:`\gamma`.
    window : int, optional
        Judge by that many of the last errors; by default by all.

    Returns
    -------
    ndarray of shape (n_steps, n_targets)
        Infinite where a level has fallen so low that no number of errors as small as theirs suffices.

    Raises
    ------
    ValueError
        If there are too few errors for the coverage itself.

    References
    ----------
    I. Gibbs and E. Candes (2021), Adaptive conformal inference under distribution shift, NeurIPS 34.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> errors = rng.normal(size=(300, 1, 1)) * np.repeat([1.0, 5.0], [250, 50])[:, None, None]
    >>> before, after = half_widths(errors, 0.8), adaptive_half_widths(errors, 0.8, 0.02)
    >>> round(float(before[0, 0]), 1), round(float(after[0, 0]), 1)
    (1.7, 7.1)
    """
    check_fraction(coverage, "coverage")
    half_widths(residuals if window is None else newest(residuals, window), coverage)  # enough of them?
    widths = np.empty(residuals.shape[1:])
    for step, target in np.ndindex(widths.shape):
        scores = np.abs(residuals[: len(residuals) - step, step, target]).tolist()
        widths[step, target] = adapted_widths(scores, 1 + step, 1 - coverage, step_size, window)[-1]
    return widths


def adapted_widths(
    scores: list, delay: int, alpha: float, step_size: float, window: int | None = None
) -> list[float]:
    """Return the half-width at each origin, and that after the last score.

    Parameters
    ----------
    scores : list of float
        Absolute errors of one step ahead, by origin; NaN where there is none to learn from.
    delay : int
        After how many origins an error is known: the number of steps ahead.
    alpha : float
        Fraction of misses that is aimed at.
    step_size : float
    window : int, optional

    Returns
    -------
    list of float
        ``len(scores) + delay`` numbers, the last of which has seen all scores.
    """
    known: list[float] = []  # sorted
    arrived: list[float] = []  # in order of time
    widths: list[float] = []
    level = alpha
    for origin in range(len(scores) + delay):
        seen = origin - delay  # the newest origin whose error is known by now
        if seen >= 0 and not np.isnan(scores[seen]):
            level += step_size * (alpha - (scores[seen] > widths[seen]))
            insort(known, scores[seen])
            arrived.append(scores[seen])
            if window is not None and len(arrived) > window:
                del known[bisect_left(known, arrived[-1 - window])]
        widths.append(_width(known, level))
    return widths


def _width(ordered: list, level: float) -> float:
    """Return the ``ceil((n + 1) (1 - level))``-th smallest score; 0 for a level of 1, infinity beyond `n`."""
    rank = int(np.ceil((len(ordered) + 1) * (1 - level) - 1e-9))
    if rank > len(ordered):
        return np.inf
    return ordered[rank - 1] if rank > 0 else 0.0
