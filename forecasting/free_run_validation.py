"""Choose the penalty of a readout by what it is for: forecasts that run free, not one step ahead.

The penalty that predicts the next step best is often far too small for a free run: errors that one step does
not show are fed back and grow. So the readout's whole path of penalties is fitted to the first part of every
series and run free from origins spread over the rest; the penalty with the smallest error is taken.
"""

from collections.abc import Callable

import numpy as np

from reservoir.readout import RidgeReadout
from reservoir.sequences import Layout

HELD_OUT = 0.3  # fraction of each series at its end
MOST_ORIGINS = 16  # over all series
_LEAST_ROWS = 10


def wants_free_run(readout) -> bool:
    """Whether the readout has a path of penalties and leaves the choice open."""
    return isinstance(readout, RidgeReadout) and readout.alphas is not None and readout.selection == "auto"


def first_part(layout: Layout) -> np.ndarray | None:
    """Which rows the path is fitted to: bool, (n_rows,); None if the series are too short to hold any out."""
    if layout.lengths.max() < _LEAST_ROWS:
        return None
    cuts = layout.lengths - np.where(layout.lengths < _LEAST_ROWS, 0, _held_out(layout.lengths))
    return np.concatenate([np.arange(n) < cut for n, cut in zip(layout.lengths, cuts)])


def origins(layout: Layout, n_steps: int) -> list[tuple[int, int]]:
    """Rows to run free from, spread over the held-out parts, and the steps that fit: ``(row, n_steps)``."""
    longest = np.flatnonzero(layout.lengths >= _LEAST_ROWS)
    series = longest[np.linspace(0, len(longest) - 1, min(len(longest), MOST_ORIGINS)).round().astype(int)]
    chosen = []
    for s in series:
        end = int(layout.starts[s] + layout.lengths[s])
        first = end - int(_held_out(layout.lengths[s]))
        last = max(end - n_steps, first)  # whole paths where they fit
        rows = np.unique(np.linspace(first, last, max(MOST_ORIGINS // len(series), 1)).round().astype(int))
        chosen += [(int(row), min(n_steps, end - int(row))) for row in rows]
    return chosen


def best_penalty(path: RidgeReadout, run_free: Callable, places: list, targets: np.ndarray) -> float:
    """Return the penalty of the path whose free runs err least, the largest among equals.

    Parameters
    ----------
    path : RidgeReadout
        Fitted with ``store_path``.
    run_free : callable
        ``run_free(coef, intercept, row, n_steps)`` gives targets (n_steps, n_targets), NaN where it diverged.
    places : list of (row, n_steps)
    targets : ndarray of shape (n_rows, n_targets)
        In standard units.

    Returns
    -------
    float
        An error counts at most like one of 10 standard deviations, so that the choice is not made by a single
        run; a run that diverges counts as that everywhere from then on.
    """
    order = np.argsort(-path.alphas_path_, kind="stable")
    errors = []
    for k in order:
        total = 0.0
        for row, n_steps in places:
            ahead = run_free(
                np.atleast_2d(path.coef_path_[k]), np.atleast_1d(path.intercept_path_[k]), row, n_steps
            )
            error = np.abs(ahead - targets[row : row + n_steps])
            total += np.minimum(np.where(np.isnan(error), np.inf, error), 10.0).mean()
        errors.append(total)
    return float(path.alphas_path_[order[int(np.argmin(errors))]])


def _held_out(lengths):
    return np.floor(HELD_OUT * lengths).astype(int)
