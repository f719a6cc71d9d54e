"""NVAR: delayed inputs and their products, the next-generation reservoir."""

from itertools import combinations_with_replacement
from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from reservoir.kernels.compilation import compiled
from reservoir.kernels.stepping import with_step
from reservoir.reservoirs.base_reservoir import Reservoir


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

    @classmethod
    def _part(cls, members, states):
        (first, *others), n_inputs = members, members[0].n_features_in_
        if any((other.powers_ != first.powers_).any() or other.stride != first.stride for other in others):
            return None
        history = np.zeros((len(states), first._n_past + 1, n_inputs), states.dtype)
        history[:, 1:] = states.reshape(len(states), first._n_past, n_inputs)
        part = Monomials(history, first.delays, first.stride, first._products, int(first.include_bias))
        return with_step(_step_monomials, part, states.dtype)


class Monomials(NamedTuple):
    """Monomials of delayed inputs, a part in the sense of ``stepping``.

    Attributes
    ----------
    history : array (n_places, n_past + 1, n_inputs)
        The present inputs last.
    delays, stride : int
    products : Products
    n_constants : int
        Constants in front of the monomials: 0 or 1.
    """

    history: np.ndarray
    delays: int
    stride: int
    products: "Products"
    n_constants: int
    address: int = 0

    def carried(self):
        """States of all places, (n_places, state_size)."""
        return self.history[:, 1:].reshape(len(self.history), -1)


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


@compiled
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


@compiled
def _write_monomials(states, history, delays, stride, products):
    """Monomials of each of the last ``len(states)`` rows of a history."""
    n_past = history.shape[0] - states.shape[0]
    for t in range(states.shape[0]):
        _set_monomials(states[t], history, n_past + t, delays, stride, products)


@compiled
def _step_monomials(part, heard, said):
    n_inputs = heard.shape[1]
    for p in range(len(heard)):
        history, row = part.history[p], said[p]
        seen = history.reshape(-1)
        for i in range(seen.size - n_inputs):
            seen[i] = seen[i + n_inputs]
        for d in range(n_inputs):
            history[-1, d] = heard[p, d]
        for i in range(part.n_constants):
            row[i] = 1
        monomials = row[part.n_constants :]
        _set_monomials(monomials, history, len(history) - 1, part.delays, part.stride, part.products)
