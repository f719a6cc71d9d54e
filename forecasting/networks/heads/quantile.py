r"""Quantiles: one number for each, trained by the pinball loss (Koenker and Bassett 1978).

.. math::

    \ell = \frac1Q \sum_q \max\big(q\,(y - r_q),\ (q - 1)(y - r_q)\big)

Learned quantiles may cross; the forecast is their rearrangement, which is never worse (Chernozhukov,
Fernandez-Val and Galichon 2010).
"""

from typing import ClassVar

import numpy as np

from forecasting.intervals.conformal import check_quantiles
from forecasting.networks.heads.base_head import Head

_ROUNDING = 1e-9  # of a level


class Quantile(Head):
    """Quantiles without a family of distributions.

    Between the learned quantiles the others are interpolated. The tails beyond the outermost are not known:
    asking for a quantile there is an error, and samples end at them.

    Parameters
    ----------
    quantiles : sequence of float, default=(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
        Strictly increasing, in (0, 1), with 0.5 between the outermost: the median is the point forecast.

    Examples
    --------
    >>> head = Quantile((0.1, 0.5, 0.9))
    >>> head.quantile(np.array([[1.0, 2.0, 4.0]]), 0.7)
    array([[3.]])
    """

    _parameter_constraints: ClassVar[dict] = {"quantiles": ["array-like"]}

    def __init__(self, quantiles=(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)):
        self.quantiles = quantiles

    @property
    def n_parameters(self) -> int:
        """One number for each quantile."""
        return len(self._levels())

    @property
    def locations(self) -> np.ndarray:
        """All of them."""
        return np.ones(self.n_parameters, np.float32)

    def _levels(self) -> list[float]:
        levels = check_quantiles(self.quantiles)
        if not levels[0] <= 0.5 <= levels[-1]:
            raise ValueError(
                f"quantiles={self.quantiles!r} must have 0.5 between them: the median is the point forecast"
            )
        return levels

    def _losses(self, parts, y):
        losses, grads = np.zeros_like(y), []
        levels = self._levels()
        for level, part in zip(levels, parts):
            error = y - part
            losses += np.maximum(level * error, (level - 1) * error) / len(levels)
            grads.append((np.where(error < 0, 1.0, 0.0) - level * (error != 0)).astype(y.dtype) / len(levels))
        return losses, grads

    def _mean(self, raw):
        return self._quantile(raw, 0.5)

    def _quantile(self, raw, q):
        """Return a quantile between the outermost learned ones, (..., n_targets)."""
        levels = self._levels()
        nearest = min(levels, key=lambda level: abs(level - q))
        if abs(nearest - q) < _ROUNDING:  # (1 - 0.9) / 2 is a little less than 0.05
            q = nearest
        if not levels[0] <= q <= levels[-1]:
            raise ValueError(
                f"quantile {q:.6g} lies outside of the learned quantiles={tuple(levels)}: add it to them, or ask "
                "for one between"
            )
        return self._between(raw, np.asarray(q))

    def _sample(self, raw, rng):
        """Draw by inverting the interpolated distribution."""
        levels = self._levels()
        shape = (*raw.shape[:-1], raw.shape[-1] // self.n_parameters)
        return self._between(raw, np.clip(rng.random(shape), levels[0], levels[-1]))

    def _between(self, raw, q):
        """Interpolate at levels `q` of shape () or (..., n_targets)."""
        levels = np.array(self.quantiles, dtype=np.float64)
        ordered = np.sort(np.stack(self._split(raw), axis=-1), axis=-1)
        above = np.clip(np.searchsorted(levels, q), min(1, len(levels) - 1), len(levels) - 1)
        below = np.maximum(above - 1, 0)
        gap = np.where(above > below, levels[above] - levels[below], 1.0)
        share = ((q - levels[below]) / gap)[..., np.newaxis]
        low, high = (
            np.take_along_axis(
                ordered, np.broadcast_to(k[..., np.newaxis], (*ordered.shape[:-1], 1)), axis=-1
            )
            for k in (np.asarray(below), np.asarray(above))
        )
        return (low + share * (high - low))[..., 0].astype(raw.dtype)
