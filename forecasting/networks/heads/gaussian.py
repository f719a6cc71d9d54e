r"""A normal distribution: mean and standard deviation.

.. math::

    -\log p(y) = \log \sigma + \frac{(y - \mu)^2}{2 \sigma^2} + \tfrac12 \log 2\pi, \qquad
    \sigma = \log(1 + e^{s}) + 10^{-3}
"""

import numpy as np
from scipy.special import ndtri

from forecasting.networks.heads.base_head import Head, scale_and_slope

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


class Gaussian(Head):
    """A normal distribution, fitted by its likelihood.

    Examples
    --------
    >>> raw = np.array([[1.0, 0.0]])
    >>> Gaussian().mean(raw), Gaussian().quantile(raw, 0.5)
    (array([[1.]]), array([[1.]]))
    """

    @property
    def n_parameters(self) -> int:
        """Two: the mean and what becomes the standard deviation."""
        return 2

    def _losses(self, parts, y):
        scale, slope = scale_and_slope(parts[1])
        distance = (parts[0] - y) / scale
        losses = np.log(scale) + 0.5 * distance**2 + y.dtype.type(_LOG_SQRT_2PI)
        return losses, [distance / scale, slope * (1 - distance**2) / scale]

    def _mean(self, raw):
        return self._split(raw)[0]

    def _quantile(self, raw, q):
        """Return ``mean + sigma * z(q)``."""
        centre, scale = self._split(raw)
        return centre + scale_and_slope(scale)[0] * raw.dtype.type(ndtri(q))

    def _sample(self, raw, rng):
        centre, scale = self._split(raw)
        return centre + scale_and_slope(scale)[0] * rng.standard_normal(centre.shape, dtype=raw.dtype)
