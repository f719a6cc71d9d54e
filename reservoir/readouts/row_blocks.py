"""From blocks of rows to what a ridge regression needs of them: reading, checking, and which road to take."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from reservoir.readouts.centred_rows import CentredRows, GramSums, TriangularFactor

BLOCK_ROWS = 1024  # enough for matrix products at full speed, few enough to stay in cache
FLOATS = (np.float64, np.float32)

ROADS: dict[str, type[CentredRows]] = {"svd": TriangularFactor, "sums": GramSums}

_NO_ROWS = "there are no rows of positive weight to fit: check sample_weight, and what make_blocks() yields"


class RowBlocks:
    """Blocks ``(X, y)`` or ``(X, y, weight)``, checked as they pass; every iteration reads them anew.

    Parameters
    ----------
    make_blocks : callable
        Returns a fresh iterator at each call.
    n_rows : int, optional
        Number of rows, if known.

    Attributes
    ----------
    n_features : int
        Width of X, known after the first block.
    target_shape : tuple
        Shape of one row of y: () or (n_targets,).
    """

    def __init__(self, make_blocks: Callable[[], Iterable[Any]], n_rows: int | None = None):
        self.make_blocks = make_blocks
        self.n_rows = n_rows
        self.n_features: int | None = None
        self.target_shape: tuple[int, ...] | None = None

    @classmethod
    def of_arrays(cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> "RowBlocks":
        """Divide rows in memory."""

        def make_blocks():
            for start in range(0, len(X), BLOCK_ROWS):
                part = slice(start, start + BLOCK_ROWS)
                yield X[part], y[part], None if weight is None else weight[part]

        blocks = cls(make_blocks, len(X))
        blocks.n_features, blocks.target_shape = X.shape[1], y.shape[1:]
        return blocks

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        """Yield X (n, n_features), y (n, n_targets) in float64, and weights (n,) > 0 or None; no empty block."""
        for number, block in enumerate(self.make_blocks()):
            if not isinstance(block, tuple) or len(block) not in (2, 3):
                raise ValueError(f"block {number} must be a tuple (X, y) or (X, y, sample_weight)")
            X, y, weight = block if len(block) == 3 else (*block, None)
            X, y = np.asarray(X), np.asarray(y, dtype=np.float64)
            X = X if X.dtype in FLOATS else X.astype(np.float64)
            self._check_shapes(number, X, y)
            if weight is not None:
                weight = np.asarray(weight, dtype=np.float64)
                if weight.shape != (len(X),) or not (np.isfinite(weight) & (weight >= 0)).all():
                    raise ValueError(
                        f"sample_weight of block {number} has shape {weight.shape} for {len(X)} rows and values from "
                        f"{weight.min(initial=np.inf)}: it must be one finite weight >= 0 per row"
                    )
                if not weight.all():
                    counted = weight > 0
                    X, y, weight = X[counted], y[counted], weight[counted]
            if len(X):
                yield X, y.reshape(len(y), -1), weight

    def _check_shapes(self, number: int, X: np.ndarray, y: np.ndarray) -> None:
        if self.n_features is None and X.ndim == 2 and y.ndim in (1, 2):
            self.n_features, self.target_shape = X.shape[1], y.shape[1:]
        if X.shape != (len(X), self.n_features) or y.shape != (len(X), *(self.target_shape or ())):
            expected = "those of the first block" if number else "X (n, n_features), y (n,) or (n, n_targets)"
            raise ValueError(
                f"block {number} has X of shape {X.shape} and y of shape {y.shape}, which do not match each other or "
                f"{expected}"
            )


def folded(
    road: str,
    blocks: RowBlocks,
    centre: bool,
    rows: CentredRows | None = None,
    make_penalties: Callable[[], Iterable[np.ndarray]] = tuple,
) -> CentredRows:
    """Fold all blocks, into new rows or on top of earlier ones, and the penalties behind them."""
    for X, y, weight in blocks:
        if rows is None:
            rows = ROADS[road](X.shape[1], y.shape[1], centre)
        rows.add(X, y, weight)
    if rows is None or rows.weight == 0:
        raise ValueError(_NO_ROWS)
    for directions in make_penalties():
        rows.penalise(directions)
    return rows


def folded_as_needed(
    blocks: RowBlocks,
    centre: bool,
    alpha: float,
    make_penalties: Callable[[], Iterable[np.ndarray]] = tuple,
) -> tuple[CentredRows, str]:
    """Fold into sums if these resolve ``alpha``, else into a triangle; return with the reason.

    The noise of the sums only grows with further rows. It is looked at after 1, 2, 4, 8 ... blocks, so that
    sums which will not do are mostly left after the first one.
    """
    sums, reason = _sums_that_suffice(blocks, centre, alpha, make_penalties)
    if sums is None:
        return folded("svd", blocks, centre, make_penalties=make_penalties), reason
    return sums, reason


def _sums_that_suffice(blocks, centre, alpha, make_penalties):
    """Return the sums or None, and why."""
    sums = None
    for count, (X, y, weight) in enumerate(blocks, start=1):
        if blocks.n_rows is not None and blocks.n_rows <= X.shape[1]:
            return None, f"no more rows ({blocks.n_rows}) than features ({X.shape[1]})"
        if sums is None:
            sums = GramSums(X.shape[1], y.shape[1], centre)
        sums.add(X, y, weight)
        if count & (count - 1) == 0 and alpha <= sums.noise:
            break
    if sums is None:
        raise ValueError(_NO_ROWS)
    if alpha > sums.noise:
        for directions in make_penalties():
            sums.penalise(directions)
    noise = sums.noise
    if alpha <= noise:
        return None, f"alpha {alpha:.2g} within the rounding noise of sums, {noise:.2g} or more"
    if sums.n_rows <= sums.n_features:
        return None, f"no more rows ({sums.n_rows}) than features ({sums.n_features})"
    return sums, f"alpha {alpha:.2g} above the rounding noise of sums, {noise:.2g}"
