"""Whether one forecaster is better than another by more than chance: Diebold-Mariano, Friedman and Nemenyi."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats


class DieboldMariano(NamedTuple):
    """Outcome of `diebold_mariano`.

    Parameters
    ----------
    statistic : float
        Negative where the first forecast lost less.
    pvalue : float
    mean_difference : float
        Mean of the first losses minus the second.
    n : int
        Number of losses compared.
    """

    statistic: float
    pvalue: float
    mean_difference: float
    n: int


def diebold_mariano(
    losses_a: ArrayLike, losses_b: ArrayLike, *, horizon: int = 1, alternative: str = "two-sided"
) -> DieboldMariano:
    r"""Test whether two forecasts lose equally much, with the correction for small samples of Harvey et al.

    With :math:`d_t` the difference of the losses and :math:`\hat\gamma_k` its autocovariances,

    .. math::
        \mathrm{DM} = \bar d \Big/ \sqrt{\tfrac1n \Big( \hat\gamma_0 + 2 \sum_{k=1}^{h-1} \hat\gamma_k \Big)}
        \cdot \sqrt{\frac{n + 1 - 2 h + h (h - 1) / n}{n}}

    is compared with Student's t of `n - 1` degrees of freedom.

    Parameters
    ----------
    losses_a, losses_b : array-like of shape (n,)
        Loss of each forecast in order of time: squared errors, absolute errors, scores of a backtest's windows.
    horizon : int, default=1
        Steps ahead :math:`h`: losses up to ``horizon - 1`` places apart share steps and may be correlated. Of windows
        that do not overlap, 1.
    alternative : {"two-sided", "less", "greater"}, default="two-sided"
        "less": the first forecast loses less.

    Returns
    -------
    DieboldMariano
        Of equal losses the statistic is 0 and the p-value 1.

    Raises
    ------
    ValueError
        If shapes do not agree, there are too few losses, or the estimated variance is not positive.

    References
    ----------
    F. X. Diebold, R. S. Mariano (1995), "Comparing predictive accuracy", Journal of Business & Economic Statistics
    13(3), 253-263. D. Harvey, S. Leybourne, P. Newbold (1997), "Testing the equality of prediction mean squared
    errors", International Journal of Forecasting 13(2), 281-291, eq. 9.

    Examples
    --------
    >>> outcome = diebold_mariano([1.0, 2.0, 1.0, 2.0, 1.5], [2.0, 4.0, 2.5, 3.0, 3.5])
    >>> round(outcome.statistic, 3), round(outcome.pvalue, 4)
    (-6.708, 0.0026)
    """
    first, second = (np.asarray(losses, dtype=np.float64) for losses in (losses_a, losses_b))
    if first.ndim != 1 or first.shape != second.shape or not np.isfinite(first - second).all():
        raise ValueError(
            f"losses_a and losses_b must be 1-D, finite and equally long; got shapes {first.shape}, {second.shape}."
        )
    n = len(first)
    if not 1 <= horizon < n:
        raise ValueError(f"horizon={horizon} must be at least 1 and below the number of losses, {n}.")
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError(f"alternative must be 'two-sided', 'less' or 'greater'; got {alternative!r}.")
    difference = first - second
    mean = float(difference.mean())
    if not difference.any():
        return DieboldMariano(0.0, 1.0, 0.0, n)
    rest = difference - mean
    covariances = np.array([rest[k:] @ rest[: n - k] for k in range(horizon)]) / n
    variance = (covariances[0] + 2 * covariances[1:].sum()) / n
    if variance <= 0:
        raise ValueError(
            f"the variance of the mean loss is estimated as {variance:.3g}: too few losses for horizon={horizon}; "
            "compare more windows, or windows that do not overlap."
        )
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = float(mean / np.sqrt(variance) * correction)
    tails = {
        "less": stats.t.cdf(statistic, n - 1),
        "greater": stats.t.sf(statistic, n - 1),
        "two-sided": 2 * stats.t.sf(abs(statistic), n - 1),
    }
    return DieboldMariano(statistic, float(tails[alternative]), mean, n)


class RankTest(NamedTuple):
    """Outcome of `friedman_nemenyi`.

    Parameters
    ----------
    ranks : Series
        Mean rank of each model, best first; 1 is best.
    statistic, pvalue : float
        Of the Friedman test in the form of Iman and Davenport: a small p-value says that the models differ.
    critical_difference : float
        Mean ranks that differ by less are not told apart at level ``alpha`` (Nemenyi).
    groups : tuple of tuple of str
        Longest runs of models that are not told apart.
    n_cases : int
    alpha : float
    """

    ranks: pd.Series
    statistic: float
    pvalue: float
    critical_difference: float
    groups: tuple
    n_cases: int
    alpha: float


def friedman_nemenyi(scores: Any, *, alpha: float = 0.05, best: str = "low") -> RankTest:
    r"""Compare several models over many cases by their ranks.

    .. math::
        \chi^2_F = \frac{12 N}{k (k + 1)} \Big( \sum_j R_j^2 - \frac{k (k + 1)^2}{4} \Big), \quad
        F = \frac{(N - 1) \chi^2_F}{N (k - 1) - \chi^2_F}, \quad
        \mathrm{CD} = q_\alpha \sqrt{\frac{k (k + 1)}{6 N}}

    with mean ranks :math:`R_j` (equal scores share theirs) of `k` models over `N` cases, and :math:`q_\alpha` the
    quantile of the studentised range over the root of 2.

    Parameters
    ----------
    scores : DataFrame of shape (n_cases, n_models)
        A row for each data set, series or window that may count as independent of the others; a column per model.
    alpha : float, default=0.05
    best : {"low", "high"}, default="low"

    Returns
    -------
    RankTest

    Raises
    ------
    ValueError
        If there are fewer than two models or cases, or a score is not finite.

    References
    ----------
    J. Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 1-30.

    Examples
    --------
    >>> scores = pd.DataFrame({"a": [1.0, 2.0, 1.0, 3.0], "b": [2.0, 3.0, 2.0, 4.0], "c": [3.0, 1.0, 3.0, 5.0]})
    >>> test = friedman_nemenyi(scores)
    >>> test.ranks.to_dict(), round(test.critical_difference, 3), test.groups
    ({'a': 1.25, 'b': 2.25, 'c': 2.5}, 1.657, (('a', 'b', 'c'),))
    """
    table = pd.DataFrame(scores)
    n, k = table.shape
    if n < 2 or k < 2 or not np.isfinite(table.to_numpy(dtype=np.float64)).all():
        raise ValueError(f"scores must be finite, of at least 2 cases and 2 models; got shape {table.shape}.")
    if not 0 < alpha < 1 or best not in ("low", "high"):
        raise ValueError(
            f"alpha must be a fraction and best 'low' or 'high'; got alpha={alpha!r}, best={best!r}."
        )
    ranks = table.rank(axis=1, ascending=best == "low")
    ties = sum((counts**3 - counts).sum() for counts in _tie_sizes(ranks.to_numpy()))
    squares = ((ranks.sum() - n * (k + 1) / 2) ** 2).sum()
    spread = n * k * (k + 1) / 12 - ties / (12 * (k - 1))
    chi_square = squares / spread if spread > 0 else 0.0
    rest = n * (k - 1) - chi_square
    statistic = float((n - 1) * chi_square / rest) if rest > 0 else np.inf
    pvalue = float(stats.f.sf(statistic, k - 1, (k - 1) * (n - 1)))
    quantile = stats.studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)
    difference = float(quantile * np.sqrt(k * (k + 1) / (6 * n)))
    means = ranks.mean().sort_values(kind="stable")
    return RankTest(means, statistic, pvalue, difference, _groups(means, difference), n, alpha)


def _tie_sizes(ranks: np.ndarray) -> list[np.ndarray]:
    return [np.unique(row, return_counts=True)[1] for row in ranks]


def _groups(means: pd.Series, difference: float) -> tuple:
    """Return the longest runs of neighbours whose mean ranks lie within a difference."""
    values, names = means.to_numpy(), [str(name) for name in means.index]
    runs: list[tuple[int, int]] = []
    for first in range(len(values)):
        last = int(np.searchsorted(values, values[first] + difference)) - 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return tuple(tuple(names[first : last + 1]) for first, last in runs)
