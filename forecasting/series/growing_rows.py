"""Rows that a stream appends to, without copying those before at every step."""

from __future__ import annotations

import numpy as np


class _Room(np.ndarray):
    """Memory with more rows than are taken; ``n_taken`` of them belong to someone."""

    n_taken: int


def appended(rows: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Return rows followed by more rows, as ``np.concatenate`` does, in constant time on average.

    The answer may share memory with `rows`, whose own rows stay as they are: what is appended is written behind them
    where that is free, and where somebody else has appended before, or no room is left, into new memory of twice the
    size.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
    more : ndarray of shape (n_more, n_columns)

    Returns
    -------
    ndarray of shape (n_rows + n_more, n_columns)

    Examples
    --------
    >>> rows = appended(np.zeros((2, 1)), np.ones((1, 1)))
    >>> appended(rows, np.full((1, 1), 5.0)).ravel(), appended(rows, np.full((1, 1), 7.0)).ravel()
    (array([0., 0., 1., 5.]), array([0., 0., 1., 7.]))
    """
    n_rows, n_all = len(rows), len(rows) + len(more)
    room = _room_of(rows)
    if room is None or room.n_taken != n_rows or n_all > len(room):
        room = _Room((max(2 * n_all, 16), rows.shape[1]))  # it must own its memory, or views forget it
        room[:n_rows] = rows
    room[n_rows:n_all] = more
    room.n_taken = n_all
    return room.view(np.ndarray)[:n_all]


def _room_of(rows: np.ndarray) -> _Room | None:
    """Return the memory whose first rows these are, if it was made here."""
    owner = rows.base
    while owner is not None and not isinstance(owner, _Room):
        owner = getattr(owner, "base", None)
    if owner is None or owner.ctypes.data != rows.ctypes.data or not rows.flags.c_contiguous:
        return None
    return owner if rows.shape[1:] == owner.shape[1:] and hasattr(owner, "n_taken") else None
