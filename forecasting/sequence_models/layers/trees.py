r"""Recursive networks: one composition at every node of a tree, from the leaves to the root.

.. math:: h(n) = \tanh\Big(E_{s(n)} + \sum_k h(c_k(n)) \, U_k + b\Big)

with ``s`` the symbol of a node and :math:`c_k` its k-th child (Pollack 1990; Goller and Kuechler 1996,
backpropagation through structure). A chain, one child each, is the sequence of a simple recurrent network. All nodes
of one height, of all trees of a batch, are computed at once.

A tree is a symbol, or a tuple of a symbol and its children: ``("and", "true", ("not", "false"))``.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from forecasting.networks.initialisation import orthogonal
from forecasting.sequence_models.layers.base_layer import SIZE, Pass


class Forest(NamedTuple):
    """Trees as arrays, nodes in the order of their height.

    Attributes
    ----------
    symbols : ndarray of int, shape (n_nodes,)
    children : ndarray of int, shape (n_nodes, arity)
        Places of the children; ``n_nodes`` where there is none.
    levels : tuple of int
        First node of each height, and ``n_nodes``.
    roots : ndarray of int, shape (n_trees,)
    """

    symbols: np.ndarray
    children: np.ndarray
    levels: tuple
    roots: np.ndarray


def plant(trees: Sequence, codes: dict[Hashable, int], arity: int) -> Forest:
    """Turn trees into a forest.

    Parameters
    ----------
    trees : sequence of tree
    codes : dict
        Symbol -> number.
    arity : int
        Most children of a node.

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        If there is no tree, a symbol is not in ``codes``, or a node has more children than ``arity``.

    Examples
    --------
    >>> forest = plant([("+", "1", ("+", "1", "2"))], {"1": 0, "2": 1, "+": 2}, 2)
    >>> forest.symbols.tolist(), forest.levels
    ([0, 0, 1, 2, 2], (0, 3, 4, 5))
    >>> forest.children[3:].tolist(), forest.roots.tolist()
    ([[1, 2], [0, 3]], [4])
    """
    symbols: list[int] = []
    children: list[list[int]] = []
    heights: list[int] = []
    roots = [_grow(tree, codes, arity, symbols, children, heights) for tree in trees]
    if not roots:
        raise ValueError("there is no tree: give at least one")
    order = np.argsort(heights, kind="stable")
    place = np.empty(len(order) + 1, np.intp)
    place[order], place[-1] = np.arange(len(order)), len(order)
    block = np.array([row + [-1] * (arity - len(row)) for row in children]).reshape(len(order), arity)
    counts = np.bincount(heights)
    return Forest(
        np.array(symbols)[order],
        place[block][order],
        (0, *map(int, np.cumsum(counts))),
        place[roots],
    )


def parted(node: Any) -> tuple[Hashable, tuple]:
    """Return the symbol of a node and its children.

    Raises
    ------
    ValueError
        If it is neither a symbol nor a tuple that begins with one.
    """
    is_empty = isinstance(node, tuple) and not node
    symbol, children = (node[0], node[1:]) if isinstance(node, tuple) and node else (node, ())
    if is_empty or not isinstance(symbol, Hashable):
        raise ValueError(
            f"{node!r} is no tree: give a symbol (a string, a number), or a tuple of a symbol and its children"
        )
    return symbol, children


def _grow(tree, codes, arity, symbols, children, heights):
    """Append the nodes of a tree, children first, without recursion: trees may be deep. Return the root's number."""
    todo: list[tuple[Any, bool]] = [(tree, False)]
    done: list[int] = []
    while todo:
        node, ready = todo.pop()
        symbol, parts = parted(node)
        if not ready:
            if symbol not in codes:
                raise ValueError(f"symbol {symbol!r} did not occur in training; known are {list(codes)}")
            if len(parts) > arity:
                raise ValueError(f"node {symbol!r} has {len(parts)} children, but there are at most {arity}")
            todo.append((node, True))
            todo.extend((part, False) for part in reversed(parts))
            continue
        own = done[len(done) - len(parts) :]
        del done[len(done) - len(parts) :]
        done.append(len(symbols))
        symbols.append(codes[symbol])
        children.append(own)
        heights.append(1 + max((heights[child] for child in own), default=-1))
    return done[0]


class CompositionParams(NamedTuple):
    """Parameters of `Composition`.

    Attributes
    ----------
    symbols : array (n_symbols, n_units)
    weights : array (arity * n_units, n_units)
        One square matrix for each place among the children.
    bias : array (n_units,)
    """

    symbols: np.ndarray
    weights: np.ndarray
    bias: np.ndarray


class Composition(BaseEstimator):
    """The composition of a node from its symbol and its children, shared by all nodes.

    Parameters
    ----------
    n_units : int, default=32
    arity : int, default=2
        Most children of a node.

    Examples
    --------
    >>> layer = Composition(4)
    >>> params = layer.init_params(3, np.random.default_rng(0))
    >>> forest = plant([("+", "1", "2"), "1"], {"1": 0, "2": 1, "+": 2}, 2)
    >>> layer.forward(params, forest).outputs.shape
    (2, 4)
    """

    _parameter_constraints: ClassVar[dict] = {"n_units": SIZE, "arity": SIZE}

    def __init__(self, n_units=32, *, arity=2):
        self.n_units = n_units
        self.arity = arity

    def init_params(
        self, n_symbols: int, rng: np.random.Generator, dtype: Any = np.float32
    ) -> CompositionParams:
        """Draw normal symbols, orthogonal weights that share one unit of variance, no bias."""
        self._validate_params()
        weights = [orthogonal(self.n_units, 1, rng) for _ in range(self.arity)]
        return CompositionParams(
            (0.5 * rng.standard_normal((n_symbols, self.n_units))).astype(dtype),
            (np.vstack(weights) / np.sqrt(self.arity)).astype(dtype),
            np.zeros(self.n_units, dtype),
        )

    def forward(self, params: CompositionParams, forest: Forest) -> Pass:
        """Return the vectors of the roots, (n_trees, n_units)."""
        h = np.zeros((len(forest.symbols) + 1, self.n_units), params.bias.dtype)  # the last: no child
        for first, last in zip(forest.levels, forest.levels[1:]):
            drive = params.symbols[forest.symbols[first:last]] + params.bias
            if first:
                drive += h[forest.children[first:last]].reshape(last - first, -1) @ params.weights
            h[first:last] = np.tanh(drive)
        return Pass(h[forest.roots], (forest, h))

    def backward(self, params: CompositionParams, tape: Any, grad: np.ndarray) -> CompositionParams:
        """Return the gradient in the parameters, from that in the vectors of the roots."""
        forest, h = tape
        grad_h = np.zeros_like(h)
        grad_h[forest.roots] = grad
        grads = CompositionParams(*map(np.zeros_like, params))
        for first, last in list(zip(forest.levels, forest.levels[1:]))[::-1]:
            delta = grad_h[first:last] * (1 - h[first:last] ** 2)
            np.add.at(grads.symbols, forest.symbols[first:last], delta)
            grads.bias[:] += delta.sum(axis=0)
            if first:
                children = forest.children[first:last]
                grads.weights[:] += h[children].reshape(last - first, -1).T @ delta
                below = (delta @ params.weights.T).reshape(*children.shape, -1)
                grad_h[children] += below  # every node is the child of one: no place twice but "no child"
        return grads
