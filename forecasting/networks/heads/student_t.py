r"""Student's t distribution: heavy tails, more than 2 degrees of freedom, so that it has a variance.

.. math::

    -\log p(y) = \log\Gamma\tfrac{\nu}2 - \log\Gamma\tfrac{\nu + 1}2 + \tfrac12 \log \nu\pi + \log \sigma
    + \tfrac{\nu + 1}2 \log\Big(1 + \frac{d^2}{\nu}\Big), \qquad d = \frac{y - \mu}\sigma,

    \sigma = \log(1 + e^{s}) + 10^{-3}, \qquad \nu = 2 + \log(1 + e^{r}) + 10^{-3}
"""

import numpy as np
from scipy.special import digamma, gammaln, stdtrit

from forecasting.networks.heads.base_head import Head, scale_and_slope


class StudentT(Head):
    """Student's t distribution, fitted by its likelihood.

    Examples
    --------
    >>> raw = np.array([[1.0, 0.0, 0.0]])
    >>> StudentT().quantile(raw, 0.5)
    array([[1.]])
    """

    @property
    def n_parameters(self) -> int:
        """Three: the centre, and what becomes the scale and the degrees of freedom."""
        return 3

    def _losses(self, parts, y):
        centre, (scale, slope), (excess, freedom_slope) = parts[0], *map(scale_and_slope, parts[1:])
        freedom = 2 + excess
        distance = (y - centre) / scale
        square = distance**2
        tail = np.log1p(square / freedom)
        half = 0.5 * (freedom + 1)
        losses = gammaln(0.5 * freedom) - gammaln(half) + 0.5 * np.log(freedom * np.pi) + np.log(scale)
        losses += half * tail
        pull = (freedom + 1) / (freedom + square)
        by_freedom = digamma(0.5 * freedom) - digamma(half) + 1 / freedom + tail - pull * square / freedom
        grads = [
            -pull * distance / scale,
            slope * (1 - pull * square) / scale,
            0.5 * freedom_slope * by_freedom,
        ]
        return losses.astype(y.dtype, copy=False), [grad.astype(y.dtype, copy=False) for grad in grads]

    def _mean(self, raw):
        return self._split(raw)[0]

    def _quantile(self, raw, q):
        """Return ``centre + scale * t(q; degrees of freedom)``."""
        centre, scale, excess = self._split(raw)
        distance = stdtrit(2 + scale_and_slope(excess)[0].astype(np.float64), q)
        return centre + scale_and_slope(scale)[0] * distance.astype(raw.dtype)

    def _sample(self, raw, rng):
        centre, scale, excess = self._split(raw)
        drawn = rng.standard_t(2 + scale_and_slope(excess)[0])
        return centre + scale_and_slope(scale)[0] * np.asarray(drawn).astype(raw.dtype)
