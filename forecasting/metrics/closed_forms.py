"""Continuous ranked probability scores in closed form, beside that of a Gaussian.

The conventions stand in `forecasting.metrics`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, log_ndtr, ndtr
from scipy.stats import t as student_t

from forecasting.metrics.validation import FloatArray, as_array, paired


def crps_student_t(y_true: ArrayLike, df: ArrayLike, loc: ArrayLike, scale: ArrayLike) -> float:
    r"""Continuous ranked probability score of Student t forecasts, in units of the series.

    .. math::
        \mathrm{CRPS} = \sigma \left( z (2 F_\nu(z) - 1) + 2 f_\nu(z) \frac{\nu + z^2}{\nu - 1}
        - \frac{2 \sqrt\nu}{\nu - 1} \frac{B(\frac12, \nu - \frac12)}{B(\frac12, \frac\nu2)^2} \right),
        \quad z = (y - \mu) / \sigma

    Parameters
    ----------
    y_true, df, loc, scale : array-like of shape (n_steps,) or (n_steps, n_targets)
        Observations; degrees of freedom :math:`\nu > 1`, centre and scale of the forecast.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, if ``df`` is not above 1 (the score is infinite) or ``scale`` not positive.

    References
    ----------
    A. Jordan, F. Krueger, S. Lerch (2019), "Evaluating probabilistic forecasts with scoringRules", Journal of
    Statistical Software 90(12), appendix A.

    Examples
    --------
    >>> round(crps_student_t([0.0], [5.0], [0.0], [1.0]), 6)
    0.257025
    """
    true, nu, centre, sigma = paired(y_true, df=df, loc=loc, scale=scale)
    if not (nu > 1).all():
        raise ValueError(
            f"df must be above 1: the score is infinite otherwise; its least value is {nu.min()}."
        )
    _check_positive(sigma, "scale")
    z = (true - centre) / sigma
    bend = 2 * student_t.pdf(z, nu) * (nu + z**2) / (nu - 1)
    spread = 2 * np.sqrt(nu) / (nu - 1) * np.exp(betaln(0.5, nu - 0.5) - 2 * betaln(0.5, nu / 2))
    return float(np.mean(sigma * (z * (2 * student_t.cdf(z, nu) - 1) + bend - spread)))


def crps_mixture(y_true: ArrayLike, weights: ArrayLike, means: ArrayLike, stds: ArrayLike) -> float:
    r"""Continuous ranked probability score of mixtures of Gaussians, in units of the series.

    .. math::
        \mathrm{CRPS} = \sum_i w_i A(y - \mu_i, \sigma_i^2)
        - \frac12 \sum_{i,j} w_i w_j A(\mu_i - \mu_j, \sigma_i^2 + \sigma_j^2), \quad
        A(m, s^2) = m (2 \Phi(m / s) - 1) + 2 s \varphi(m / s)

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    weights, means, stds : array-like of the shape of ``y_true`` and a last axis of n_components
        Of each step and target; weights are not negative and sum to 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If shapes do not agree, weights do not sum to 1, or a standard deviation is not positive.

    References
    ----------
    E. P. Grimit, T. Gneiting, V. J. Berrocal, N. A. Johnson (2006), "The continuous ranked probability score for
    circular variables and its application to mesoscale forecast ensemble verification", QJRMS 132, 2925-2942, eq. 5.

    Examples
    --------
    >>> round(crps_mixture([0.0], [[0.5, 0.5]], [[0.0, 0.0]], [[1.0, 1.0]]), 6)  # of one Gaussian
    0.233695
    """
    true = as_array(y_true, "y_true")
    parts: list[FloatArray] = []
    for name, values in (("weights", weights), ("means", means), ("stds", stds)):
        array = as_array(values, name, ndim=(true.ndim + 1,))
        if array.shape[:-1] != true.shape or (parts and array.shape != parts[0].shape):
            raise ValueError(
                f"{name} has shape {array.shape}; y_true of shape {true.shape} needs that shape and a last axis of "
                "components, as many for weights, means and stds."
            )
        parts.append(array)
    w, mu, sigma = parts
    if (w < 0).any() or not np.allclose(w.sum(axis=-1), 1.0):
        raise ValueError("weights must not be negative and must sum to 1 over the last axis.")
    _check_positive(sigma, "stds")
    near = (w * _mean_distance(true[..., None] - mu, sigma**2)).sum(axis=-1)
    variances = sigma[..., :, None] ** 2 + sigma[..., None, :] ** 2
    between = _mean_distance(mu[..., :, None] - mu[..., None, :], variances)
    pairs = (w[..., :, None] * w[..., None, :] * between).sum(axis=(-2, -1))
    return float(np.mean(near - pairs / 2))


def crps_lognormal(y_true: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> float:
    r"""Continuous ranked probability score of lognormal forecasts, in units of the series.

    .. math::
        \mathrm{CRPS} = y (2 F(y) - 1) - 2 e^{\mu + \sigma^2 / 2} \left(
        \Phi\left(\frac{\ln y - \mu}{\sigma} - \sigma\right) + \Phi\left(\frac{\sigma}{\sqrt2}\right) - 1 \right)

    Parameters
    ----------
    y_true, mu, sigma : array-like of shape (n_steps,) or (n_steps, n_targets)
        Observations; mean and standard deviation of the logarithm.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, and if ``sigma`` is not positive.

    References
    ----------
    S. Baran, S. Lerch (2015), "Log-normal distribution based EMOS models for probabilistic wind speed forecasting",
    QJRMS 141, 2289-2299.

    Examples
    --------
    >>> round(crps_lognormal([1.0], [0.0], [1.0]), 6)
    0.267405
    """
    true, centre, spread = paired(y_true, mu=mu, sigma=sigma)
    _check_positive(spread, "sigma")
    z = np.full(true.shape, -np.inf)  # nothing lies below zero
    np.log(true, out=z, where=true > 0)
    z = (z - centre) / spread
    # 1 - ndtr(x) is ndtr(-x); in logarithms, since the mean overflows where a probability beside it vanishes.
    log_mean = centre + spread**2 / 2
    below, half = (np.exp(log_mean + log_ndtr(x)) for x in (z - spread, -spread / np.sqrt(2)))
    return float(np.mean(true * (2 * ndtr(z) - 1) - 2 * (below - half)))


def _mean_distance(mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return E|X| of Gaussians."""
    std = np.sqrt(variance)
    z = mean / std
    return mean * (2 * ndtr(z) - 1) + 2 * std * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


def _check_positive(values: FloatArray, name: str) -> None:
    if not (values > 0).all():
        raise ValueError(f"{name} must be positive; its least value is {values.min()}.")
