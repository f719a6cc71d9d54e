"""NVAR: delayed inputs and their products, the next-generation reservoir."""

from itertools import combinations_with_replacement
from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from numba import njit
from sklearn.utils._param_validation import Interval

from reservoir.base import Reservoir
from reservoir.vecmath import FASTMATH

_KERNEL = {"cache": True, "nogil": True, "fastmath": FASTMATH | {"reassoc"}, "error_model": "numpy"}


class NVAR(Reservoir):
    r"""Next-generation reservoir: delayed inputs and all their monomials up to a degree.

    .. math::

        \ell(t) = [x(t), x(t-s), \dots, x(t-(k-1)s)], \qquad
        s(t) = [\ell_i, \ell_i \ell_j, \dots, \ell_{i_1} \cdots \ell_{i_p}], \; i_1 \le \dots \le i_p

    with ``k`` delays, stride ``s`` and degree ``p``: a nonlinear vector autoregression once a linear readout
    stands behind it. Nothing is random. Before the start of a series the inputs are 0: leave the first
    ``(delays - 1) * stride`` rows to the washout. Products feel the units of the inputs: standardise them.

    Parameters
    ----------
    delays : int, default=2
        Number of inputs in time that are seen, the present one included.
    stride : int, default=1
        Steps between them.
    degree : int, default=2
        Largest degree of a monomial; 1 is the linear vector autoregression.
    cross_terms : bool, default=True
        Products of different inputs or delays; without them only powers of each.
    include_bias : bool, default=False
        Put a constant 1 first, for readouts that have no intercept.

    Attributes
    ----------
    powers_ : ndarray of int of shape (n_states, delays * n_features)
        Exponent of every delayed input in every state, the present inputs first.

    References
    ----------
    D. J. Gauthier, E. Bollt, A. Griffith, W. A. S. Barbosa, Next generation reservoir computing, Nature
    Communications 12 (2021) 5564.

    Examples
    --------
    >>> import numpy as np
    >>> nvar = NVAR(delays=2, degree=2).fit(np.zeros((1, 1)))
    >>> nvar.transform([[2.0], [3.0]])  # x(t), x(t-1), x(t)^2, x(t) x(t-1), x(t-1)^2
    array([[2., 0., 4., 0., 0.],
           [3., 2., 9., 6., 4.]])

    With a readout it learns quadratic maps exactly.

    >>> from reservoir import ESNRegressor
    >>> from reservoir.signals import henon
    >>> x = henon(500)[:, :1]
    >>> model = ESNRegressor(NVAR()).fit(x[:400], x[1:401])
    >>> bool(np.abs(model.predict(x[400:499]) - x[401:]).max() < 1e-6)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "delays": [Interval(Integral, 1, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "degree": [Interval(Integral, 1, None, closed="left")],
        "cross_terms": ["boolean"],
        "include_bias": ["boolean"],
    }

    def __init__(self, delays=2, stride=1, degree=2, *, cross_terms=True, include_bias=False):
        self.delays = delays
        self.stride = stride
        self.degree = degree
        self.cross_terms = cross_terms
        self.include_bias = include_bias

    def _build(self, n_features, dtype, rng):
        n_linear = self.delays * n_features
        factors = _factors(n_linear, self.degree, self.cross_terms)
        self.n_states_ = self.include_bias + len(factors)
        self.powers_ = np.zeros((self.n_states_, n_linear), dtype=np.int64)
        for i, chosen in enumerate(factors, start=self.include_bias):
            np.add.at(self.powers_[i], list(chosen), 1)
        self._products = _products(factors)
        self._n_past = (self.delays - 1) * self.stride
        self.state_size_ = self._n_past * n_features

    def _run(self, rows, layout, initial, noise_rng=None):
        states = np.empty((len(rows), self.n_states_), dtype=rows.dtype)
        states[:, : self.include_bias] = 1
        final = np.empty_like(initial)
        for i, (start, n_steps) in enumerate(zip(layout.starts, layout.lengths)):
            part = slice(start, start + n_steps)
            history = np.vstack([initial[i].reshape(self._n_past, rows.shape[1]), rows[part]])
            monomials = states[part, self.include_bias :]
            _write_monomials(monomials, history, self.delays, self.stride, self._products)
            final[i] = history[len(history) - self._n_past :].ravel()
        return states, final

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        n_features, n_tangents = row_tangents.shape
        history = np.concatenate([state, row]).reshape(self._n_past + 1, n_features)
        moved = np.concatenate([state_tangents, row_tangents]).reshape(*history.shape, n_tangents)
        seen = self._n_past - self.stride * np.arange(self.delays)
        linear, d_linear = history[seen].ravel(), moved[seen].reshape(-1, n_tangents)
        states, tangents = np.ones(self.n_states_), np.zeros((self.n_states_, n_tangents))
        monomials, slopes = states[self.include_bias :], tangents[self.include_bias :]
        monomials[: len(linear)], slopes[: len(linear)] = linear, d_linear
        n_done = len(linear)
        for factor, first, length in np.array(self._products, dtype=np.intp).T:
            terms, here = slice(first, first + length), slice(n_done, n_done + length)
            monomials[here] = monomials[factor] * linear[terms]
            slopes[here] = slopes[factor] * linear[terms, np.newaxis] + monomials[factor] * d_linear[terms]
            n_done += length
        return states, history[1:].ravel(), tangents, moved[1:].reshape(-1, n_tangents)

    def _run_free(self, outputs, weights, initial, exog, gain):
        n_outputs = outputs.shape[1]
        fed_back = np.zeros((len(exog), n_outputs), dtype=outputs.dtype)
        rows = np.hstack([fed_back, exog], dtype=outputs.dtype)
        history = np.vstack([initial.reshape(self._n_past, rows.shape[1]), rows])
        outputs[1:] += weights[:, : self.include_bias].sum(axis=1)  # what the constant adds
        of_monomials = np.ascontiguousarray(weights[:, self.include_bias :])
        n_done = _run_free(
            outputs, history, self.delays, self.stride, self._products, of_monomials, outputs.dtype.type(gain)
        )
        return history[n_done : n_done + self._n_past].ravel(), n_done


class Products(NamedTuple):
    """Monomials as products of an earlier monomial with a run of neighbouring linear terms.

    Run ``r`` writes ``length[r]`` monomials, one after the other: monomial ``factor[r]`` times the linear
    terms from ``first[r]`` on.
    """

    factor: np.ndarray
    first: np.ndarray
    length: np.ndarray


def _factors(n_linear, degree, cross_terms):
    """The linear terms that make up each monomial, by degree and then in lexicographic order."""
    if not cross_terms:
        return [(i,) * power for power in range(1, degree + 1) for i in range(n_linear)]
    return [
        chosen
        for power in range(1, degree + 1)
        for chosen in combinations_with_replacement(range(n_linear), power)
    ]


def _products(factors) -> Products:
    """Runs of monomials that share all factors but the last."""
    place = {chosen: i for i, chosen in enumerate(factors)}
    runs: list[list[int]] = []
    shared = None
    for chosen in factors:
        if len(chosen) == 1:
            continue
        if chosen[:-1] == shared:
            runs[-1][2] += 1
        else:
            shared = chosen[:-1]
            runs.append([place[shared], chosen[-1], 1])
    return Products(*np.ascontiguousarray(np.array(runs, dtype=np.uint32).reshape(-1, 3).T))


@njit(**_KERNEL)
def _set_monomials(row, history, now, delays, stride, products):
    """Monomials of the history up to row ``now``, into ``row``."""
    n_inputs = history.shape[1]
    for k in range(delays):
        delayed = history[now - k * stride]
        tap = row[k * n_inputs : (k + 1) * n_inputs]
        for d in range(n_inputs):
            tap[d] = delayed[d]
    n_done = delays * n_inputs
    for r in range(products.factor.size):
        factor, length = row[products.factor[r]], products.length[r]
        terms = row[products.first[r] : products.first[r] + length]
        written = row[n_done : n_done + length]
        for i in range(written.size):
            written[i] = factor * terms[i]
        n_done += length


@njit(**_KERNEL)
def _write_monomials(states, history, delays, stride, products):
    """Monomials of each of the last ``len(states)`` rows of a history."""
    n_past = history.shape[0] - states.shape[0]
    for t in range(states.shape[0]):
        _set_monomials(states[t], history, n_past + t, delays, stride, products)


@njit(**_KERNEL)
def _run_free(outputs, history, delays, stride, products, weights, gain):
    """Run free; see ``dynamics.run_free`` for ``outputs`` and ``gain``.

    The first columns of the later rows of ``history`` (n_past + n_steps, n_inputs) are overwritten by what is
    fed back. ``weights`` is (n_outputs, n_monomials + n_outputs). Returns the number of steps done.
    """
    n_outputs = outputs.shape[1]
    n_steps = outputs.shape[0] - 1
    n_past = history.shape[0] - n_steps
    features = np.zeros(weights.shape[1], outputs.dtype)
    finite, t = True, 0
    while finite and t < n_steps:
        for d in range(n_outputs):
            history[n_past + t, d] = gain * outputs[t, d]
            features[features.size - n_outputs + d] = outputs[t, d]
        _set_monomials(features, history, n_past + t, delays, stride, products)
        for d in range(n_outputs):
            total = outputs.dtype.type(0)
            for i in range(features.size):
                total += weights[d, i] * features[i]
            outputs[t + 1, d] += total
            finite &= abs(outputs[t + 1, d]) < np.inf  # not np.isfinite: see dynamics.run_free
        t += 1
    return t
