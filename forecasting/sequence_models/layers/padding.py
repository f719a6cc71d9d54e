"""Sequences of unequal length as one padded, time-major block, and what must never be seen of it.

A block is ``(n_steps, n_series, ...)`` with the length of each series beside it; what stands after the end of a
series is 0 and is called padding. Every layer keeps one promise: padding changes no output at a step that is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad(sequences: Sequence[np.ndarray], dtype: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Put sequences side by side.

    Parameters
    ----------
    sequences : sequence of ndarray of shape (n_steps, ...)
        Equal but for their lengths.
    dtype : dtype, optional
        Default: that of the first.

    Returns
    -------
    block : ndarray of shape (longest, n_series, ...)
    lengths : ndarray of int, shape (n_series,)

    Examples
    --------
    >>> block, lengths = pad([np.array([1, 2, 3]), np.array([4])])
    >>> block.tolist(), lengths.tolist()
    ([[1, 4], [2, 0], [3, 0]], [3, 1])
    """
    first = sequences[0]
    lengths = np.array([len(sequence) for sequence in sequences])
    block = np.zeros((lengths.max(), len(sequences), *first.shape[1:]), dtype or first.dtype)
    for i, sequence in enumerate(sequences):
        block[: len(sequence), i] = sequence
    return block, lengths


def is_there(lengths: np.ndarray | None, n_steps: int, n_series: int) -> np.ndarray:
    """Return which places of a block are no padding.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_series,), or None
        None: all series have all steps.
    n_steps, n_series : int

    Returns
    -------
    ndarray of bool, shape (n_steps, n_series)

    Examples
    --------
    >>> is_there(np.array([2, 1]), 2, 2).tolist()
    [[True, True], [True, False]]
    """
    if lengths is None:
        return np.ones((n_steps, n_series), bool)
    return np.arange(n_steps)[:, np.newaxis] < lengths


def reversed_in_time(block: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Turn every series round within its own length; padding stays where it is.

    Examples
    --------
    >>> reversed_in_time(np.array([[1, 4], [2, 0], [3, 0]]), np.array([3, 1])).tolist()
    [[3, 4], [2, 0], [1, 0]]
    """
    if lengths is None:
        return block[::-1]
    steps = np.arange(len(block))[:, np.newaxis]
    source = np.where(steps < lengths, lengths - 1 - steps, steps)
    return block[source, np.arange(block.shape[1])]


def buckets(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Divide series into batches of similar length, in random order: little padding, and still chance.

    The order within equal lengths is random, and so is the order of the batches.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_series,)
    batch_size : int
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray of int
        Places of the series of each batch.

    Examples
    --------
    >>> sorted(map(len, buckets(np.array([3, 1, 3, 2, 1]), 2, np.random.default_rng(0))))
    [1, 2, 2]
    """
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def masked_loss(head: Any, raw: np.ndarray, y: np.ndarray, there: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean loss over the steps that are there, and its gradient, 0 at padding.

    Parameters
    ----------
    head : Head
        Or whatever has its ``loss_and_grad(raw, y)``.
    raw : ndarray of shape (n_steps, n_series, n_outputs)
    y : ndarray of shape (n_steps, n_series, ...)
    there : ndarray of bool, shape (n_steps, n_series)

    Returns
    -------
    loss : float
    grad_raw : ndarray of shape (n_steps, n_series, n_outputs)
    """
    loss, grad = head.loss_and_grad(raw[there], y[there])
    grad_raw = np.zeros_like(raw)
    grad_raw[there] = grad
    return loss, grad_raw
