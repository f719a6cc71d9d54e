"""The contract of heads: what the numbers at the end of a network mean, and what a wrong forecast costs.

A head turns ``n_outputs(n_targets)`` raw numbers per step into a point or a distribution for each of
``n_targets`` targets. Raw numbers are laid out target by target: those of one target stand together. It holds
hyper-parameters only; its loss, its gradient and its distribution are pure functions over arrays with any
leading axes, in the type of the raw numbers.
"""

from typing import Any, ClassVar

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator

from forecasting.intervals.conformal import check_fraction

LEAST_SCALE = 1e-3  # of a standard deviation, in the units of the targets: keeps a likelihood bounded


class Head(BaseEstimator):
    """Base of all heads.

    Attributes
    ----------
    is_distribution : bool
        Whether the head gives quantiles and samples.
    counts : bool
        Whether targets are counts 0, 1, 2, ... in their own units. Then the raw number that stands first for
        each target is the logarithm of a mean, to which a forecaster adds the logarithm of a scale.
    """

    _parameter_constraints: ClassVar[dict] = {}
    is_distribution: ClassVar[bool] = True
    counts: ClassVar[bool] = False

    @property
    def n_parameters(self) -> int:
        """How many raw numbers describe one target."""
        raise NotImplementedError

    @property
    def locations(self) -> np.ndarray:
        """1 for the raw numbers of one target that move with it, 0 for the others, here all but the first."""
        return (np.arange(self.n_parameters) == 0).astype(np.float32)

    def n_outputs(self, n_targets: int) -> int:
        """Return how many raw numbers a step needs.

        Parameters
        ----------
        n_targets : int

        Returns
        -------
        int
        """
        return n_targets * self.n_parameters

    def loss_and_grad(self, raw: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean loss over all elements of `y`, and its gradient.

        Parameters
        ----------
        raw : ndarray of shape (..., n_outputs)
        y : ndarray of shape (..., n_targets)

        Returns
        -------
        loss : float
        grad_raw : ndarray of shape (..., n_outputs)
        """
        parts = self._split(raw)
        losses, grads = self._losses(parts, y.astype(raw.dtype, copy=False))
        grad = np.stack(grads, axis=-1).reshape(raw.shape) / np.asarray(y.size, dtype=raw.dtype)
        return float(losses.mean(dtype=np.float64)), grad

    def mean(self, raw: np.ndarray) -> np.ndarray:
        """Return the point forecast: the mean, or what the loss makes best.

        Parameters
        ----------
        raw : ndarray of shape (..., n_outputs)

        Returns
        -------
        ndarray of shape (..., n_targets)
        """
        return self._mean(raw)

    def quantile(self, raw: np.ndarray, q: float) -> np.ndarray:
        """Return a quantile of every target.

        Parameters
        ----------
        raw : ndarray of shape (..., n_outputs)
        q : float
            In (0, 1).

        Returns
        -------
        ndarray of shape (..., n_targets)

        Raises
        ------
        TypeError
            If the head forecasts points.
        """
        check_fraction(q, "q")
        if not self.is_distribution:
            raise self._no_distribution("quantiles")
        return self._quantile(raw, q)

    def sample(self, raw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw once for every target, each independently of the others.

        Parameters
        ----------
        raw : ndarray of shape (..., n_outputs)
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (..., n_targets)

        Raises
        ------
        TypeError
            If the head forecasts points.
        """
        if not self.is_distribution:
            raise self._no_distribution("samples")
        return self._sample(raw, rng)

    def _mean(self, raw: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _quantile(self, raw: np.ndarray, q: float) -> np.ndarray:
        raise NotImplementedError

    def _sample(self, raw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        raise NotImplementedError

    def _losses(self, parts: list, y: np.ndarray) -> tuple[np.ndarray, list]:
        """Return the loss of every element and its derivative by each of the parts."""
        raise NotImplementedError

    def _split(self, raw: np.ndarray) -> list[Any]:
        """Return views of the raw numbers, one (..., n_targets) array for each parameter."""
        apart = raw.reshape(*raw.shape[:-1], -1, self.n_parameters)
        return [apart[..., k] for k in range(self.n_parameters)]

    def _no_distribution(self, what: str) -> TypeError:
        return TypeError(
            f"{type(self).__name__} forecasts points and has no {what}: take a head that is a distribution, "
            "such as 'gaussian', or intervals from residuals"
        )


def softplus(x: np.ndarray) -> np.ndarray:
    """Return ``log(1 + exp(x))``, which does not overflow."""
    return np.logaddexp(x, np.zeros((), dtype=x.dtype))


def scale_and_slope(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a positive scale, ``softplus(raw)`` and a little, and its derivative."""
    return softplus(raw) + np.asarray(LEAST_SCALE, dtype=raw.dtype), expit(raw)
