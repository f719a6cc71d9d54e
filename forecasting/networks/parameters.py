"""Parameters as nested tuples of arrays, and the one vector behind them.

A network's parameters are arrays, NamedTuples of arrays, and tuples of these: each part documents its own. What
treats all of them alike (optimizers, clipping, the best weights so far) works on one vector, of which the arrays
are views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_CACHE_LINE = 64  # bytes: where every array begins, so that no vector of numbers straddles two lines


def arrays_of(tree: Any) -> Iterator[np.ndarray]:
    """Yield the arrays of a nested tuple from left to right.

    Examples
    --------
    >>> [len(a) for a in arrays_of((np.ones(3), (np.ones(2),)))]
    [3, 2]
    """
    if isinstance(tree, tuple):
        for part in tree:
            yield from arrays_of(part)
    else:
        yield tree


def mapped(function: Callable[[np.ndarray], Any], tree: Any) -> Any:
    """Return the same nest of tuples with ``function`` applied to every array."""
    if isinstance(tree, tuple):
        parts = [mapped(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return function(tree)


class ParameterVector:
    """A nested tuple of arrays copied into one vector.

    Parameters
    ----------
    tree : nested tuple of arrays
        All of one floating-point precision.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        All arrays, each at the begin of a cache line; the numbers between them are 0.
    tree : nested tuple of arrays
        Views into ``values``.

    Raises
    ------
    TypeError
        If the arrays are of different precision, or not of floating point.

    Examples
    --------
    >>> vector = ParameterVector((np.zeros((2, 2)), np.ones(3)))
    >>> vector.values += 1
    >>> vector.tree[1]
    array([2., 2., 2.])
    """

    def __init__(self, tree: Any):
        arrays = list(arrays_of(tree))
        kinds = {array.dtype for array in arrays}
        if len(kinds) != 1 or next(iter(kinds)) not in (np.float32, np.float64):
            raise TypeError(
                f"parameters must all be float32 or all be float64; got {sorted(map(str, kinds))}."
            )
        self._dtype = arrays[0].dtype
        line = _CACHE_LINE // self._dtype.itemsize
        ends = np.cumsum([-(-array.size // line) * line for array in arrays])
        self._starts = [int(end) for end in (0, *ends[:-1])]
        self._size = int(ends[-1])
        self.values, self.tree = self._copied(tree)

    def _copied(self, tree: Any) -> tuple[np.ndarray, Any]:
        room = np.zeros(self._size * self._dtype.itemsize + _CACHE_LINE, np.uint8)
        begin = -room.ctypes.data % _CACHE_LINE
        values = room[begin : begin + self._size * self._dtype.itemsize].view(self._dtype)
        starts = iter(self._starts)

        def view(array: np.ndarray) -> np.ndarray:
            start = next(starts)
            part = values[start : start + array.size].reshape(array.shape)
            part[...] = array
            return part

        return values, mapped(view, tree)

    def flat(self, tree: Any, out: np.ndarray) -> np.ndarray:
        """Write a tree of the same shapes, a gradient for instance, into a vector like ``values``."""
        for start, array in zip(self._starts, arrays_of(tree)):
            out[start : start + array.size] = array.reshape(-1)
        return out

    def tree_of(self, values: np.ndarray) -> Any:
        """Return a copy of a vector like ``values`` as a tree of arrays of their own."""
        starts = iter(self._starts)

        def part(array: np.ndarray) -> np.ndarray:
            start = next(starts)
            return values[start : start + array.size].reshape(array.shape).copy()

        return mapped(part, self.tree)

    def where(self, test: Callable[[np.ndarray], bool]) -> np.ndarray:
        """Return a vector that is 1 where the array that a number belongs to passes a test, and 0 elsewhere."""
        mask = np.zeros_like(self.values)
        for start, array in zip(self._starts, arrays_of(self.tree)):
            mask[start : start + array.size] = test(array)
        return mask
