r"""The negative binomial distribution of counts: mean and overdispersion (Salinas et al. 2020, DeepAR).

.. math::

    p(y) = \frac{\Gamma(y + r)}{\Gamma(r)\, y!} \Big(\frac{r}{r + \mu}\Big)^r \Big(\frac{\mu}{r + \mu}\Big)^y

    \mu = e^{m}, \qquad r = 1 / \big(\log(1 + e^{a}) + 10^{-3}\big), \qquad \operatorname{Var} y = \mu + \mu^2 / r
"""

from typing import ClassVar

import numpy as np
from scipy.special import digamma, expit, gammaln
from scipy.stats import nbinom

from forecasting.networks.heads.base_head import Head, scale_and_slope

_MOST = 9e18  # counts: no integer that can be drawn is much larger


class NegativeBinomial(Head):
    """Counts 0, 1, 2, ... whose variance may exceed their mean, fitted by their likelihood.

    A network far from what it was trained on may call for more counts than can be drawn: forecasts end at 9e18.

    Examples
    --------
    >>> raw = np.array([[np.log(4.0), -1.0]])
    >>> NegativeBinomial().mean(raw).round(6), NegativeBinomial().quantile(raw, 0.5)
    (array([[4.]]), array([[3.]]))
    """

    counts: ClassVar[bool] = True

    @property
    def n_parameters(self) -> int:
        """Two: the logarithm of the mean, and what becomes the overdispersion."""
        return 2

    def _losses(self, parts, y):
        # In float64: the differences of log-gammas cancel where the overdispersion is small.
        log_mean, raw, counts = (array.astype(np.float64) for array in (*parts, y))
        if (counts < 0).any() or (counts != np.rint(counts)).any():
            raise ValueError(
                "the negative binomial head needs counts: targets must be whole and not negative"
            )
        dispersion, slope = scale_and_slope(raw)
        r = 1 / dispersion
        odds = log_mean + np.log(dispersion)  # log(mean / r)
        log_stop, share = -np.logaddexp(0, odds), expit(odds)  # log(r / (r + mean)), mean / (r + mean)
        losses = gammaln(r) + gammaln(counts + 1) - gammaln(counts + r)
        losses -= r * log_stop + counts * (odds + log_stop)
        by_log_mean = r * share - counts * (1 - share)
        by_r = digamma(r) - digamma(counts + r) - log_stop - share + counts * (1 - share) / r
        grads = [by_log_mean, -by_r * r**2 * slope]
        return losses, [grad.astype(y.dtype) for grad in grads]

    def _mean_and_r(self, raw):
        log_mean, dispersion = (part.astype(np.float64) for part in self._split(raw))
        return np.exp(np.minimum(log_mean, np.log(_MOST))), 1 / scale_and_slope(dispersion)[0]

    def _mean(self, raw):
        """Return the mean, no whole number."""
        return self._mean_and_r(raw)[0].astype(raw.dtype)

    def _quantile(self, raw, q):
        """Return a quantile, a whole number."""
        mean, r = self._mean_and_r(raw)
        return np.minimum(nbinom.ppf(q, r, r / (r + mean)), _MOST).astype(raw.dtype)

    def _sample(self, raw, rng):
        """Draw a Poisson rate from a gamma distribution, then a count."""
        mean, r = self._mean_and_r(raw)
        rates = np.minimum(rng.gamma(r, mean / r), _MOST)
        unknown = np.isnan(rates)  # after a free run that overflowed
        return np.where(unknown, np.nan, rng.poisson(np.where(unknown, 0.0, rates))).astype(raw.dtype)
