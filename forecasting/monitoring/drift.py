"""A test for drift in a stream of errors that may be looked at after every one of them.

As long as errors are exchangeable, their conformal p-values are independent and uniform, and a capital that bets
against this grows only by luck. If it ever reaches `c` the errors have changed, or luck of a chance below ``1 / c``
was had (Ville's inequality): so it may be watched all the time, and stopped at any moment.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from forecasting.metrics.validation import as_array, check_fraction
from reservoir.contracts.random_source import make_rng

_BETS = np.array([-1.0, 0.0, 1.0])  # on large errors, on neither, on small ones


class DriftTest(NamedTuple):
    """Outcome of `drift_test`.

    Parameters
    ----------
    pvalue : float
        One over the largest capital so far, at most 1: valid whenever one chooses to look.
    detected_at : int or None
        Position of the first score at which the p-value was no larger than ``alpha``.
    capital : ndarray of shape (n_scores,)
        After every score; it starts from 1.
    """

    pvalue: float
    detected_at: int | None
    capital: np.ndarray


class Watch(NamedTuple):
    """What is known of a stream of scores so far.

    Parameters
    ----------
    ordered : ndarray of shape (n_seen,)
        All scores, in order of size.
    capitals : ndarray of shape (3,)
        Of the three bets; their sum is the capital.
    highest : float
        The largest capital so far.
    """

    ordered: np.ndarray
    capitals: np.ndarray
    highest: float

    @classmethod
    def over(cls, calibration: np.ndarray) -> Watch:
        """Begin after scores that are taken to be alike."""
        return cls(np.sort(calibration), np.full(3, 1 / 3), 1.0)

    def after(self, score: float, jump_rate: float, rng: np.random.Generator) -> Watch:
        """Return what is known after one more score."""
        low, high = (int(np.searchsorted(self.ordered, score, side)) for side in ("left", "right"))
        larger, equal = len(self.ordered) - high, high - low + 1  # itself included
        pvalue = (larger + rng.random() * equal) / (len(self.ordered) + 1)
        mixed = (1 - jump_rate) * self.capitals + jump_rate * self.capitals.mean()
        capitals = mixed * (1 + _BETS * (pvalue - 0.5))
        return Watch(np.insert(self.ordered, low, score), capitals, max(self.highest, float(capitals.sum())))


def drift_test(
    scores: ArrayLike,
    calibration: ArrayLike | None = None,
    *,
    alpha: float = 0.01,
    jump_rate: float = 0.01,
    random_state: Any = 0,
) -> DriftTest:
    r"""Test whether errors in order of time stop being alike: a conformal test martingale.

    With the rank of every score among those so far as its p-value, ties broken by chance,

    .. math::
        p_t = \frac{\#\{i < t : s_i > s_t\} + u_t \, \#\{i \le t : s_i = s_t\}}{t}, \qquad
        C_t = \sum_\epsilon C^\epsilon_t, \quad
        C^\epsilon_t = \big((1 - J) C^\epsilon_{t-1} + \tfrac J3 C_{t-1}\big)\big(1 + \epsilon (p_t - \tfrac12)\big)

    over :math:`\epsilon \in \{-1, 0, 1\}` (the simple jumper). If scores are exchangeable, the probability that the
    capital ever reaches :math:`1 / \alpha` is at most :math:`\alpha`, for series of any length.

    Parameters
    ----------
    scores : array-like of shape (n_scores,)
        Sizes of one-step errors: absolute values, or squares.
    calibration : array-like of shape (n_calibration,), optional
        Scores before them that are taken to be alike, such as those of rolling origins over the training series.
        Without any the first scores serve: a change is found only some time after it, against what came before.
    alpha : float, default=0.01
        Level at which drift is said to be detected.
    jump_rate : float, default=0.01
        :math:`J`, how much of the capital changes its bet at every step.
    random_state : int, RandomState, Generator or None, default=0
        Breaks ties.

    Returns
    -------
    DriftTest

    Raises
    ------
    ValueError
        If a score is not finite or a number is out of range.

    References
    ----------
    V. Vovk, I. Petej, I. Nouretdinov, E. Ahlberg, L. Carlsson and A. Gammerman (2021), Retrain or not retrain:
    conformal test martingales for change-point detection, PMLR 152, 191-210, algorithm 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> calm, wild = np.abs(rng.normal(size=200)), np.abs(rng.normal(size=60)) * 3
    >>> drift_test(calm).detected_at
    >>> drift_test(np.append(calm, wild)).detected_at
    232
    """
    values = as_array(scores, "scores", ndim=(1,))
    known = np.empty(0) if calibration is None else as_array(calibration, "calibration", ndim=(1,))
    for name, value in (("alpha", alpha), ("jump_rate", jump_rate)):
        check_fraction(value, name)
    rng, watch, capital = make_rng(random_state), Watch.over(known), []
    for score in values:
        watch = watch.after(float(score), jump_rate, rng)
        capital.append(float(watch.capitals.sum()))
    reached = np.array(capital) >= 1 / alpha
    return DriftTest(1 / watch.highest, int(np.argmax(reached)) if reached.any() else None, np.array(capital))
