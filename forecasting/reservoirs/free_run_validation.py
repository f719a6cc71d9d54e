"""Choose the penalty of a readout by what it is for: forecasts that run free, not one step ahead.

The penalty that predicts the next step best is often far too small for a free run: errors that one step does
not show are fed back and grow. So the readout's whole path of penalties is fitted to the first part of every
series and run free from origins spread over the rest; the penalty with the smallest error is taken.
"""

from collections.abc import Callable

import numpy as np
from sklearn.base import clone

from reservoir.contracts.series_layout import Layout
from reservoir.readouts.ridge import RidgeReadout

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


def with_validated_penalty(
    readout: RidgeReadout,
    train: Callable,
    drive: Callable,
    run_free: Callable,
    usable: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    layout: Layout,
    n_steps: int,
) -> RidgeReadout:
    """Return the readout with the one penalty of its path that forecasts best over the end of the series.

    Parameters
    ----------
    readout : RidgeReadout
        With a path of penalties.
    train : callable
        ``train(readout, usable)`` fits on the rows that are usable.
    drive : callable
        ``drive(state, rows)`` gives the reservoir's state after some inputs, from rest if it is None.
    run_free : callable
        ``run_free(coef, intercept, state, last, exog)`` gives the targets after the ``last`` ones, as far as
        ``exog`` goes, and the steps done.
    usable : ndarray of bool, shape (n_rows,)
    inputs, targets : ndarray of shape (n_rows, n_inputs) and (n_rows, n_targets)
        Standardised; the inputs begin with the targets before.
    layout : Layout
    n_steps : int
        Of each run.
    """
    early = first_part(layout)
    if early is None or not (usable & early).any():
        return readout
    path = clone(readout).set_params(store_path=True, selection="gcv")
    train(path, usable & early)
    places = origins(layout, n_steps)
    n_targets = targets.shape[1]
    before = {}  # the reservoir's state before each row that a run starts at
    for start, n in zip(layout.starts, layout.lengths):
        state, at = None, start
        for row in sorted(row for row, _ in places if start <= row < start + n):
            before[row] = state = drive(state, inputs[at:row])
            at = row

    def ahead(coef, intercept, row, steps):
        last, exog = inputs[row, :n_targets], inputs[row : row + steps, n_targets:]
        return run_free(coef, intercept, before[row], last, exog)[0]

    return clone(readout).set_params(alpha=best_penalty(path, ahead, places, targets), alphas=None)


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
