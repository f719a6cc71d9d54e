r"""Conceptors: soft projections on the states that a pattern excites, their logic, and a memory made of them.

.. math:: C = R \, (R + a^{-2} I)^{-1}, \qquad R = \frac{1}{n} \sum_t h(t) h(t)'

is symmetric with eigenvalues in [0, 1): near 1 along directions in which the states vary by more than the inverse
of the aperture ``a``, near 0 along the others.

References
----------
H. Jaeger, Controlling recurrent neural networks by conceptors, Jacobs University Technical Report 31, 2014. H.
Jaeger, Using conceptors to manage neural long-term memories for temporal patterns, JMLR 18 (2017).
"""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng, seed_open_parts
from reservoir.contracts.series_layout import stack
from reservoir.kernels.vecmath import ACTIVATIONS, activate
from reservoir.models.harvest import refuse_boundless
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_reservoir import FLOATS, check_n_steps
from reservoir.reservoirs.echo_state import EchoState

_ALMOST_NOTHING = 1e-10  # an eigenvalue below it is none


def conceptor(states, aperture=10.0) -> np.ndarray:
    """Return the conceptor of states.

    Parameters
    ----------
    states : array-like of shape (n_rows, n_units)
    aperture : float, default=10.0
        ``a`` > 0: the larger, the more directions are let through.

    Returns
    -------
    ndarray of shape (n_units, n_units)

    Examples
    --------
    >>> conceptor([[1.0, 0.0], [-1.0, 0.0]], aperture=3.0).round(6)
    array([[0.9, 0. ],
           [0. , 0. ]])
    """
    states = check_array(states, dtype=float, input_name="states")
    if not aperture > 0:
        raise ValueError(f"aperture={aperture!r} must be above 0")
    values, vectors = np.linalg.eigh(states.T @ states / len(states))
    values = np.maximum(values, 0.0)
    return (vectors * (values / (values + aperture**-2.0))) @ vectors.T


def negation(C) -> np.ndarray:
    """Return NOT C: what C does not let through.

    Parameters
    ----------
    C : ndarray of shape (n_units, n_units)
    """
    return np.eye(len(C)) - C


def conjunction(C, B) -> np.ndarray:
    r"""Return C AND B: what both let through, :math:`(C^{-1} + B^{-1} - I)^{-1}` where both are invertible.

    Parameters
    ----------
    C, B : ndarray of shape (n_units, n_units)

    Notes
    -----
    Directions that either closes are closed; the formula holds on the others.
    """
    values, vectors = np.linalg.eigh(_outside(C) + _outside(B))
    common = vectors[:, values < _ALMOST_NOTHING]
    inside = common.T @ (np.linalg.pinv(C, hermitian=True) + np.linalg.pinv(B, hermitian=True)) @ common
    return common @ np.linalg.inv(inside - np.eye(common.shape[1])) @ common.T


def disjunction(C, B) -> np.ndarray:
    """Return C OR B: what either lets through, by De Morgan's law.

    Parameters
    ----------
    C, B : ndarray of shape (n_units, n_units)
    """
    return negation(conjunction(negation(C), negation(B)))


def quota(C) -> float:
    """Return the share of the units' space that a conceptor lets through, in [0, 1].

    Parameters
    ----------
    C : ndarray of shape (n_units, n_units)
    """
    return float(np.trace(C) / len(C))


def _outside(C):
    """Projection on the directions that a conceptor closes."""
    values, vectors = np.linalg.eigh(C)
    closed = vectors[:, np.abs(values) < _ALMOST_NOTHING]
    return closed @ closed.T


class ConceptorMemory(DefaultParts, BaseEstimator):
    r"""Store several patterns in one reservoir and recall each, or a mixture, through its conceptor.

    .. math:: h(t) = C \big((1 - a) \odot h(t-1) + a \odot f(D h(t-1) + b)\big), \qquad y(t) = V h(t) + c

    ``fit`` drives the reservoir with every pattern and learns, by ridge regressions over all of them, weights
    ``D`` that do from within what recurrent and input weights did, :math:`D h(t-1) \approx W h(t-1) + W_{in} x(t)`,
    and a readout of the patterns. Without a conceptor the patterns would run into each other; with one the network
    stays in the directions of its pattern.

    Parameters
    ----------
    reservoir : EchoState, optional
        Without noise, which would open its conceptors in all directions. It is cloned. Default:
        ``EchoState(100, spectral_radius=1.5, input_scaling=1.5, bias_scaling=1.0)``.
    aperture : float, default=100.0
        Of the conceptors. Too small damps the patterns, too large lets them run into each other.
    alpha : float, default=1e-3
        Penalty of the weights ``D``, in units of the sum of squared states.
    washout : int, default=100
        Rows at the start of each pattern that are left out, at most half of it.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the reservoir if its own ``random_state`` is None.

    Attributes
    ----------
    conceptors_ : ndarray of shape (n_patterns, n_units, n_units)
    loaded_weights_ : ndarray of shape (n_units, n_units)
        ``D``.
    states_ : ndarray of shape (n_patterns, n_units)
        The state at the end of each pattern.
    reservoir_, readout_ : estimators

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(600.0)[:, np.newaxis]
    >>> slow, fast = np.sin(0.2 * t), np.sin(0.4 * t)
    >>> memory = ConceptorMemory(random_state=0).fit([slow[:500], fast[:500]])
    >>> bool(np.abs(memory.recall(0, 100) - slow[500:]).max() < 0.2)
    True
    >>> bool(np.abs(memory.recall(1, 100) - fast[500:]).max() < 0.2)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [EchoState, None],
        "aperture": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "washout": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {
        "reservoir": lambda: EchoState(100, spectral_radius=1.5, input_scaling=1.5, bias_scaling=1.0)
    }

    def __init__(self, reservoir=None, *, aperture=100.0, alpha=1e-3, washout=100, random_state=None):
        self.reservoir = reservoir
        self.aperture = aperture
        self.alpha = alpha
        self.washout = washout
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, groups=None):
        """Store patterns.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_outputs), list of such, or array (n_patterns, n_steps, n_outputs)
            Every series is a pattern.
        y : ignored
        groups : array-like of shape (n_rows,), optional
            Label of the pattern of each row.

        Returns
        -------
        self
        """
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=FLOATS).astype(float, copy=False)
        self.reservoir_ = (
            self._default_parts["reservoir"]() if self.reservoir is None else clone(self.reservoir)
        )
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, make_rng(self.random_state))
        if self.reservoir_.draws_noise:
            raise ValueError(
                f"noise={self.reservoir_.noise!r} would open the conceptors in all directions: set noise=0 of the "
                "reservoir; a larger alpha steadies the weights"
            )
        self.reservoir_.fit(rows[:1])
        self.reservoir_.pretrain(rows, layout)
        states, self.states_ = self.reservoir_.drive(
            rows, layout, self.reservoir_.zero_states(len(layout.lengths), float)
        )
        refuse_boundless(self.reservoir_, states)
        previous = np.vstack([np.zeros_like(states[:1]), states[:-1]])
        previous[layout.starts] = 0
        kept = [
            np.arange(start + min(self.washout, n // 2), start + n)
            for start, n in zip(layout.starts, layout.lengths)
        ]
        self.conceptors_ = np.array([conceptor(states[own], self.aperture) for own in kept])
        used = np.concatenate(kept)
        heard = self._heard(previous, rows)
        loading = RidgeReadout(self.alpha, fit_intercept=False).fit(previous[used], heard[used])
        self.loaded_weights_ = np.atleast_2d(loading.coef_)
        self.readout_ = RidgeReadout(self.alpha).fit(states[used], rows[used])
        return self

    def _heard(self, previous, rows):
        """What the units hear: recurrent and external inputs, without the bias."""
        return (self.reservoir_.recurrent_weights_ @ previous.T).T + rows @ self.reservoir_.input_weights_.T

    def recall(self, pattern, n_steps, initial_state=None):
        """Run with a conceptor and without input.

        Parameters
        ----------
        pattern : int or ndarray of shape (n_units, n_units)
            Which pattern, or a conceptor of one's own: a weighted sum of two morphs between their patterns.
        n_steps : int
        initial_state : array-like of shape (n_units,), optional
            Default: the state at the end of the pattern (of the first one, for a conceptor of one's own).

        Returns
        -------
        ndarray of shape (n_steps, n_outputs)
        """
        check_is_fitted(self)
        is_stored = isinstance(pattern, Integral)
        if is_stored and not 0 <= pattern < len(self.conceptors_):
            raise ValueError(f"pattern={pattern} is not stored: there are 0 to {len(self.conceptors_) - 1}")
        C = self.conceptors_[int(pattern)] if is_stored else np.asarray(pattern, dtype=float)
        if C.shape != self.loaded_weights_.shape:
            raise ValueError(f"pattern has shape {C.shape}, a conceptor has {self.loaded_weights_.shape}")
        check_n_steps(n_steps, 1)
        h = (
            self.states_[int(pattern) if is_stored else 0]
            if initial_state is None
            else np.asarray(initial_state)
        )
        if h.shape != C.shape[:1]:
            raise ValueError(f"initial_state has shape {h.shape}, expected {C.shape[:1]}")
        for name, values in (("pattern", C), ("initial_state", h)):
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds NaN or infinity: give finite numbers")
        states = np.empty((n_steps, len(h)))
        for t in range(n_steps):
            h = C @ self._step(h)
            states[t] = h
        return self.readout_.predict(states).reshape(n_steps, -1)

    def _step(self, h):
        """One step of the loaded network, before the conceptor."""
        units = self.reservoir_
        value = self.loaded_weights_ @ h + units.bias_
        activate(value, ACTIVATIONS[units.activation])
        return units.retained(h[:, np.newaxis])[:, 0] + units.leak_rates_ * value
