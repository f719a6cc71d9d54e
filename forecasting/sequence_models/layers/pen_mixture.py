r"""What a pen does next: a mixture of bivariate normal offsets, and whether the stroke ends (Graves 2013, section 4).

.. math::

    p(x, e) = \sum_k \pi_k \, \mathcal N(x;\ \mu_k, \sigma_k, \rho_k) \cdot
        \begin{cases} \hat e & e = 1 \\ 1 - \hat e & e = 0 \end{cases}

    \hat e = \sigma(a_0), \quad \pi = \operatorname{softmax}(a_\pi), \quad \sigma = e^{s}, \quad \rho = \tanh r

Gradients are equations 26 to 36 there, with signs for a loss.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.special import expit, logsumexp
from sklearn.base import BaseEstimator

from forecasting.sequence_models.layers.base_layer import SIZE


class PenMixture(BaseEstimator):
    """The distribution of an offset in the plane and of an event, jointly: n_components full normal distributions.

    Raw numbers are ``[a0, logits, mu1, mu2, s1, s2, r]``, six per component and one; a target is
    ``(offset1, offset2, event)``.

    Parameters
    ----------
    n_components : int, default=8
    """

    _parameter_constraints: ClassVar[dict] = {"n_components": SIZE}

    def __init__(self, n_components=8):
        self.n_components = n_components

    @property
    def n_outputs(self) -> int:
        """Raw numbers of a step."""
        return 1 + 6 * self.n_components

    def first_bias(self, rng: np.random.Generator) -> np.ndarray:
        """Return a bias of the layer before: means apart from each other, so that components can part."""
        bias = np.zeros(self.n_outputs)
        bias[1 + self.n_components : 1 + 3 * self.n_components] = 0.3 * rng.standard_normal(
            2 * self.n_components
        )
        return bias

    def loss_and_grad(self, raw: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean negative log-likelihood of rows, in nats, and its gradient.

        Parameters
        ----------
        raw : ndarray of shape (n, n_outputs)
        y : ndarray of shape (n, 3)

        Returns
        -------
        loss : float
        grad_raw : ndarray of shape (n, n_outputs)
        """
        ends, logits, centre1, centre2, log1, log2, twist = self._parts(raw)
        log_weights = logits - logsumexp(logits, axis=1, keepdims=True)
        scale1, scale2, rho = np.exp(log1), np.exp(log2), np.tanh(twist)
        z1, z2 = (y[:, :1] - centre1) / scale1, (y[:, 1:2] - centre2) / scale2
        free = 1 - rho**2
        distance = z1**2 + z2**2 - 2 * rho * z1 * z2
        joint = (
            log_weights
            - log1
            - log2
            - raw.dtype.type(np.log(2 * np.pi))
            - 0.5 * np.log(free)
            - 0.5 * distance / free
        )
        total = logsumexp(joint, axis=1, keepdims=True)
        share = np.exp(joint - total)
        event = np.logaddexp(0, np.where(y[:, 2:] > 0.5, -ends, ends))
        loss = float((event - total).mean(dtype=np.float64))
        across1, across2 = (z1 - rho * z2) / free, (z2 - rho * z1) / free
        grads = (
            expit(ends) - y[:, 2:],
            np.exp(log_weights) - share,
            -share * across1 / scale1,
            -share * across2 / scale2,
            share * (1 - z1 * across1),
            share * (1 - z2 * across2),
            -share * (z1 * z2 + rho * (1 - distance / free)),
        )
        return loss, (np.concatenate(grads, axis=1) / len(y)).astype(raw.dtype, copy=False)

    def sample(self, raw: np.ndarray, rng: np.random.Generator, bias: float = 0.0) -> np.ndarray:
        """Draw a target for every row, (n, 3).

        Parameters
        ----------
        raw : ndarray of shape (n, n_outputs)
        rng : numpy.random.Generator
        bias : float, default=0.0
            Prefer what is likely: weights ``softmax(a (1 + bias))``, scales ``exp(s - bias)`` (section 5.5 there),
            and the event with ``(1 + bias)`` times its logit.

        Returns
        -------
        ndarray
        """
        ends, logits, centre1, centre2, log1, log2, twist = self._parts(raw.astype(np.float64))
        logits = logits * (1 + bias)
        steps = np.exp(logits - logsumexp(logits, axis=1, keepdims=True)).cumsum(axis=1)
        chosen = (rng.random((len(raw), 1)) * steps[:, -1:] >= steps[:, :-1]).sum(axis=1, keepdims=True)
        m1, m2, s1, s2, r = (
            np.take_along_axis(part, chosen, axis=1)[:, 0] for part in (centre1, centre2, log1, log2, twist)
        )
        normal1, normal2 = rng.standard_normal((2, len(raw)))
        rho = np.tanh(r)
        first = m1 + np.exp(s1 - bias) * normal1
        second = m2 + np.exp(s2 - bias) * (rho * normal1 + np.sqrt(1 - rho**2) * normal2)
        event = rng.random(len(raw)) < expit(ends[:, 0] * (1 + bias))
        return np.column_stack([first, second, event])

    def _parts(self, raw):
        return raw[:, :1], *np.split(raw[:, 1:], 6, axis=1)
