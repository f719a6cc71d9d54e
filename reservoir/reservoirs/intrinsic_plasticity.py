"""IntrinsicPlasticity: each unit learns a gain and a bias that give its values a distribution."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval


class IntrinsicPlasticity(BaseEstimator):
    r"""Pre-training of gain and bias: unit by unit and without targets, towards normally distributed values.

    .. math::

        y = \tanh(g\,u + b), \qquad
        \Delta b = -\eta \Big( -\frac{\mu}{\sigma^2}
            + \frac{y}{\sigma^2} (2 \sigma^2 + 1 - y^2 + \mu y) \Big), \qquad
        \Delta g = \frac{\eta}{g} + \Delta b\, u

    where ``u`` is all that a unit hears, :math:`W h + W_{in} x`. It descends the Kullback-Leibler divergence
    from the distribution of ``y`` to the normal one with mean ``mu`` and standard deviation ``sigma``. Given to
    ``EchoState(plasticity=...)``, it goes over the training inputs before the readout is learned; gain and bias
    then become parts of the weights. The gain of the network, and so its spectral radius, changes.

    Parameters
    ----------
    mean : float, default=0.0
        ``mu`` in (-1, 1).
    std : float, default=0.3
        ``sigma`` > 0.
    learning_rate : float, default=5e-4
        ``eta`` > 0.
    n_epochs : int, default=1
        How often it goes over the training inputs; 0 leaves the reservoir as it is drawn.

    References
    ----------
    B. Schrauwen, M. Wardermann, D. Verstraeten, J. J. Steil, D. Stroobandt, Improving reservoirs using intrinsic
    plasticity, Neurocomputing 71 (2008). J. Triesch, A gradient rule for the plasticity of a neuron's intrinsic
    excitability, ICANN 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> X = np.random.default_rng(0).uniform(-1, 1, (2000, 1))
    >>> rule = IntrinsicPlasticity(std=0.2, n_epochs=5)
    >>> reservoir = EchoState(50, plasticity=rule, random_state=0).fit(X)
    >>> round(float(reservoir.transform(X)[100:].std(axis=0).mean()), 1)
    0.2
    """

    _parameter_constraints: ClassVar[dict] = {
        "mean": [Interval(Real, -1, 1, closed="neither")],
        "std": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, mean=0.0, std=0.3, *, learning_rate=5e-4, n_epochs=1):
        self.mean = mean
        self.std = std
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs

    def learn(self, heard, weights, bias, kept, leak, layout):
        """Return gain and bias of every unit.

        Parameters
        ----------
        heard : ndarray of shape (n_rows, n_units)
            Weighted inputs of stacked series.
        weights : ndarray, sparse array or ShiftMatrix of shape (n_units, n_units)
        bias : ndarray of shape (n_units,)
            Where the bias begins; the gain begins at 1.
        kept : callable
            ``kept(states)`` is what the next states keep of these, both (n_units, 1).
        leak : ndarray of shape (n_units,)
            Factor on the activation.
        layout : Layout

        Returns
        -------
        gain, bias : ndarray of shape (n_units,)

        Raises
        ------
        ValueError
            If the gain of a unit leaves the positive numbers.
        """
        self._validate_params()
        gain, bias = np.ones(len(bias)), bias.copy()
        for _ in range(self.n_epochs):
            for start, n_steps in zip(layout.starts, layout.lengths):
                h = np.zeros(len(bias))
                for t in range(start, start + n_steps):
                    u = weights @ h + heard[t]
                    y = np.tanh(gain * u + bias)
                    h = kept(h[:, np.newaxis])[:, 0] + leak * y
                    self._correct(gain, bias, u, y)
                    if not (gain > 0).all():
                        raise ValueError(
                            f"intrinsic plasticity diverged: a gain fell to {gain.min():.3g}; lower "
                            f"learning_rate={self.learning_rate}"
                        )
        return gain, bias

    def _correct(self, gain, bias, u, y):
        """One step of the rule, in place."""
        variance = self.std**2
        slope = -self.mean / variance + y / variance * (2 * variance + 1 - y * y + self.mean * y)
        gain += self.learning_rate * (1 / gain - slope * u)
        bias -= self.learning_rate * slope
