r"""Information processing capacity: which functions of its past input a reservoir's states hold.

For independent inputs uniform on [-1, 1], products of normalised Legendre polynomials of delayed inputs are
orthogonal functions ``z`` of the past. The capacity of the states for each is

.. math:: C[z] = 1 - \min_w \frac{\langle (w \cdot s - z)^2 \rangle}{\langle z^2 \rangle}, \qquad \sum_z C[z] \le N ,

with equality for fading memory and linearly independent states (J. Dambre, D. Verstraeten, B. Schrauwen,
S. Massar, Information processing capacity of dynamical systems, Scientific Reports 2 (2012) 514).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from scipy.special import eval_legendre
from scipy.stats import chi2

from reservoir.contracts.random_source import make_rng
from reservoir.diagnostics.input_checks import drawn_for_one_input, let_learn, positive, whole
from reservoir.reservoirs.base_reservoir import Reservoir

_TERMS_AT_ONCE = 64


class ProcessingCapacity(NamedTuple):
    """What a reservoir computes of its past input.

    Parameters
    ----------
    total : float
        Sum over all terms.
    by_degree : ndarray of shape (n_degrees,)
        Sums over the terms of degree 1, 2, ...
    bound : int
        Rank of the states, which the sum over all degrees and delays reaches for fading memory.
    terms : tuple of tuple of int
        Delays of the factors of each term, 0 for the present input; equal delays make a polynomial of that
        degree.
    capacities : ndarray of shape (n_terms,)
        Capacity of each; 0 where it is not significant.
    threshold : float
        Capacity below which a term counts 0: what chance alone hardly reaches.
    """

    total: float
    by_degree: np.ndarray
    bound: int
    terms: tuple
    capacities: np.ndarray
    threshold: float


def information_processing_capacity(
    reservoir: Reservoir,
    *,
    max_delays: Sequence[int] = (100, 20, 8),
    n_steps: int = 20_000,
    washout: int = 200,
    amplitude: float = 0.8,
    significance: float = 1e-4,
    random_state=None,
) -> ProcessingCapacity:
    """Information processing capacity up to a degree, for an input uniform on [-amplitude, amplitude].

    Parameters
    ----------
    reservoir : Reservoir
        Unfitted, or fitted for one input.
    max_delays : sequence of int, default=(100, 20, 8)
        For degree 1, 2, ... how many delays take part, from 0 on.
    n_steps : int, default=20_000
        Steps after the washout. Capacities below about rank / n_steps cannot be told from chance.
    washout : int, default=200
    amplitude : float, default=0.8
    significance : float, default=1e-4
        Probability with which an unrelated term counts.
    random_state : int, RandomState, Generator or None, default=None
        Draws the input.

    Returns
    -------
    ProcessingCapacity

    Examples
    --------
    The products of two neighbouring inputs take three of the five states of this one.

    >>> from reservoir import NVAR
    >>> found = information_processing_capacity(NVAR(2, degree=2), max_delays=(5, 5), random_state=0)
    >>> found.by_degree.round(2), found.bound
    (array([2., 3.]), 5)
    """
    rng = make_rng(random_state)
    drawn = drawn_for_one_input(reservoir)
    if not 0 < significance < 1:
        raise ValueError(f"significance={significance!r} is a probability between 0 and 1")
    max_delays = [whole("max_delays", n, 1) for n in np.atleast_1d(max_delays).tolist()]
    if not max_delays:
        raise ValueError("max_delays is empty: give a number of delays for each degree, from 1 on")
    longest = max(max_delays)
    washout = max(whole("washout", washout, 0), longest)
    u = rng.uniform(-1, 1, washout + whole("n_steps", n_steps, 10))
    inputs = positive("amplitude", amplitude) * u[:, np.newaxis]
    let_learn(drawn, reservoir, inputs)
    states = drawn.transform(inputs)[washout:]
    basis = _basis(states)
    rank = basis.shape[1]
    threshold = float(chi2.isf(significance, max(rank, 1)) / n_steps)
    terms = [
        term
        for degree, n_delays in enumerate(max_delays, start=1)
        for term in combinations_with_replacement(range(n_delays), degree)
    ]
    capacities = np.concatenate(
        [_capacities(basis, targets) for targets in _targets(u, washout, len(max_delays), terms)]
    )
    capacities[capacities < threshold] = 0
    degrees = np.array([len(term) for term in terms])
    by_degree = np.array([capacities[degrees == d].sum() for d in range(1, len(max_delays) + 1)])
    return ProcessingCapacity(float(capacities.sum()), by_degree, rank, tuple(terms), capacities, threshold)


def _basis(states: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the centred states."""
    left, singular, _ = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)
    noise = np.finfo(float).eps * max(states.shape) * singular[0]
    return left[:, singular > noise]


def _targets(u: np.ndarray, washout: int, max_degree: int, terms: list) -> Iterator[np.ndarray]:
    """Yield blocks (n_steps, n) of products of Legendre polynomials of delayed inputs, one column per term."""
    polynomials = [eval_legendre(degree, u) for degree in range(1, max_degree + 1)]
    n_steps = len(u) - washout
    for begin in range(0, len(terms), _TERMS_AT_ONCE):
        some = terms[begin : begin + _TERMS_AT_ONCE]
        block = np.ones((n_steps, len(some)))
        for column, term in enumerate(some):
            for delay, degree in Counter(term).items():
                start = washout - delay
                block[:, column] *= polynomials[degree - 1][start : start + n_steps]
        yield block


def _capacities(basis: np.ndarray, targets: np.ndarray) -> np.ndarray:
    targets = targets - targets.mean(axis=0)
    held = basis.T @ targets
    return np.einsum("ij,ij->j", held, held) / np.einsum("ij,ij->j", targets, targets)
