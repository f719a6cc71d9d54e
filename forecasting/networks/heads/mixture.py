r"""A mixture of normal distributions (Bishop 1994, Mixture density networks).

.. math::

    -\log p(y) = -\log \sum_k w_k\, \mathcal N(y;\ \mu_k, \sigma_k^2), \qquad
    w = \operatorname{softmax}(a), \quad \sigma_k = \log(1 + e^{s_k}) + 10^{-3}
"""

from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy.special import logsumexp, ndtr
from sklearn.utils._param_validation import Interval

from forecasting.networks.heads.base_head import Head, scale_and_slope

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
_HALVINGS = 60  # of the bracket around a quantile: to the last digits of float64


class MixtureOfGaussians(Head):
    """A weighted sum of normal distributions: skewed, heavy-tailed or with several peaks.

    Parameters
    ----------
    n_components : int, default=3

    Examples
    --------
    >>> raw = np.array([[0.0, 0.0, -2.0, 2.0, 0.5, 0.5]])
    >>> head = MixtureOfGaussians(2)
    >>> head.mean(raw), abs(head.quantile(raw, 0.5)) < 1e-9
    (array([[0.]]), array([[ True]]))
    """

    _parameter_constraints: ClassVar[dict] = {"n_components": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, n_components=3):
        self.n_components = n_components

    @property
    def n_parameters(self) -> int:
        """Three for each component: weight, mean and standard deviation."""
        return 3 * self.n_components

    @property
    def locations(self) -> np.ndarray:
        """The means."""
        return np.repeat(np.array([0, 1, 0], np.float32), self.n_components)

    def _components(self, raw):
        """Return log weights, means, raw scales of shape (..., n_targets, n_components)."""
        k = self.n_components
        apart = raw.reshape(*raw.shape[:-1], -1, 3 * k)
        logits = apart[..., :k]
        weights = logits - logsumexp(logits, axis=-1, keepdims=True)
        return weights, apart[..., k : 2 * k], apart[..., 2 * k :]

    def _losses(self, parts, y):
        log_weights, centres, raw_scales = self._components(
            np.stack(parts, axis=-1).reshape(*y.shape[:-1], -1)
        )
        scales, slopes = scale_and_slope(raw_scales)
        distance = (centres - y[..., np.newaxis]) / scales
        joint = log_weights - np.log(scales) - 0.5 * distance**2 - y.dtype.type(_LOG_SQRT_2PI)
        total = logsumexp(joint, axis=-1, keepdims=True)
        share = np.exp(joint - total)  # responsibilities
        grads = (
            np.exp(log_weights) - share,
            share * distance / scales,
            share * slopes * (1 - distance**2) / scales,
        )
        return -total[..., 0], list(np.moveaxis(np.concatenate(grads, axis=-1), -1, 0))

    def _mean(self, raw):
        """Return the weighted mean of the components' means."""
        log_weights, centres, _ = self._components(raw)
        return (np.exp(log_weights) * centres).sum(axis=-1)

    def _quantile(self, raw, q):
        """Return a quantile, found by halving a bracket of the components' own quantiles."""
        log_weights, centres, raw_scales = self._components(raw.astype(np.float64))
        scales = scale_and_slope(raw_scales)[0]
        weights = np.exp(log_weights)
        low, high = (centres - 40 * scales).min(axis=-1), (centres + 40 * scales).max(axis=-1)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            below = (weights * ndtr((middle[..., np.newaxis] - centres) / scales)).sum(axis=-1) < q
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (0.5 * (low + high)).astype(raw.dtype)

    def _sample(self, raw, rng):
        """Draw a component, then from it."""
        log_weights, centres, raw_scales = self._components(raw)
        steps = np.exp(log_weights).cumsum(axis=-1)
        drawn = rng.random((*steps.shape[:-1], 1), dtype=raw.dtype) * steps[..., -1:]
        chosen = (drawn >= steps[..., :-1]).sum(axis=-1, keepdims=True)
        centre = np.take_along_axis(centres, chosen, axis=-1)[..., 0]
        scale = np.take_along_axis(scale_and_slope(raw_scales)[0], chosen, axis=-1)[..., 0]
        return centre + scale * rng.standard_normal(centre.shape, dtype=raw.dtype)
