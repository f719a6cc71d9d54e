r"""A softmax over quantised values: any distribution, at the resolution of its bins (van den Oord et al. 2016).

Edges stand at equal steps of the companded value, so that bins are narrow near 0 (mu-law, ITU-T G.711):

.. math:: f(y) = \operatorname{sign}(y) \frac{\log(1 + \mu |y| / L)}{\log(1 + \mu)}, \qquad |y| \le L

The density within a bin is even, and the loss is its negative logarithm at the target, which can be compared with
that of any other distribution.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.networks.heads.base_head import Head


class Quantised(Head):
    """A softmax over bins of the target.

    Parameters
    ----------
    n_bins : int, default=64
    limit : float, default=6.0
        Largest value that has a bin of its own, in the units that the network sees; what lies beyond counts to the
        outermost bins.
    companding : float, default=10.0
        mu: how much narrower bins are near 0.

    Examples
    --------
    >>> head = Quantised(4, limit=2.0, companding=1e-9)
    >>> raw = np.log([[0.1, 0.2, 0.3, 0.4]])
    >>> head.mean(raw).round(3), head.quantile(raw, 0.6).round(3)
    (array([[0.5]]), array([[1.]]))
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_bins": [Interval(Integral, 2, None, closed="left")],
        "limit": [Interval(Real, 0, None, closed="neither")],
        "companding": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, n_bins=64, *, limit=6.0, companding=10.0):
        self.n_bins = n_bins
        self.limit = limit
        self.companding = companding

    @property
    def n_parameters(self) -> int:
        """One for each bin."""
        return self.n_bins

    @property
    def edges(self) -> np.ndarray:
        """Where bins begin and end, (n_bins + 1,)."""
        even = np.linspace(-1, 1, self.n_bins + 1)
        return (
            self.limit * np.sign(even) * np.expm1(np.abs(even) * np.log1p(self.companding)) / self.companding
        )

    def _shares(self, raw):
        """Return probabilities of shape (..., n_targets, n_bins)."""
        apart = raw.reshape(*raw.shape[:-1], -1, self.n_bins)
        shares = np.exp(apart - apart.max(axis=-1, keepdims=True))
        return shares / shares.sum(axis=-1, keepdims=True)

    def _losses(self, parts, y):
        edges = self.edges
        shares = self._shares(np.stack(parts, axis=-1).reshape(*y.shape[:-1], -1))
        bins = np.clip(np.searchsorted(edges, y, side="right") - 1, 0, self.n_bins - 1)[..., np.newaxis]
        chosen = np.take_along_axis(shares, bins, axis=-1)[..., 0]
        widths = np.diff(edges)[bins[..., 0]].astype(y.dtype)
        np.put_along_axis(shares, bins, chosen[..., np.newaxis] - 1, axis=-1)
        tiny = np.finfo(y.dtype).tiny
        return np.log(widths) - np.log(np.maximum(chosen, tiny)), list(np.moveaxis(shares, -1, 0))

    def _mean(self, raw):
        """Return the mean of the bins' middles."""
        middles = 0.5 * (self.edges[1:] + self.edges[:-1])
        return self._shares(raw) @ middles.astype(raw.dtype)

    def _quantile(self, raw, q):
        """Return the point of a bin below which a part q lies."""
        shares, edges = self._shares(raw.astype(np.float64)), self.edges
        below = shares.cumsum(axis=-1)
        bins = np.minimum((below < q).sum(axis=-1), self.n_bins - 1)
        share = np.take_along_axis(shares, bins[..., np.newaxis], axis=-1)[..., 0]
        before = np.take_along_axis(below, bins[..., np.newaxis], axis=-1)[..., 0] - share
        part = np.clip((q - before) / share, 0, 1)
        return (edges[bins] + part * (edges[bins + 1] - edges[bins])).astype(raw.dtype)

    def _sample(self, raw, rng):
        """Draw a bin, then evenly from it."""
        steps, edges = self._shares(raw).cumsum(axis=-1), self.edges
        drawn = rng.random((*steps.shape[:-1], 1), dtype=raw.dtype) * steps[..., -1:]
        bins = (drawn >= steps[..., :-1]).sum(axis=-1)
        place = rng.random(bins.shape)
        return (edges[bins] + place * (edges[bins + 1] - edges[bins])).astype(raw.dtype)
