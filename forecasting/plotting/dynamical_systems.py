"""Pictures of dynamics: attractors, predicted over true, and the states of a reservoir. Axes in, Axes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.metrics.validation import as_array
from forecasting.plotting.forecasts import COLOURS, INK, _finish, _new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_attractor(
    truth: Any,
    predicted: Any = None,
    *,
    columns: Sequence[int] = (0, 1),
    delay: int = 1,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the attractor of a series, and free runs of models over it.

    Parameters
    ----------
    truth : array-like of shape (n_steps,) or (n_steps, n_targets)
        Of one target its delayed value is the second axis.
    predicted : array-like of as many targets, or dict of name to one of these, optional
        Free runs, of any length. What is not finite is not drawn.
    columns : sequence of two or three int, default=(0, 1)
        Targets on the axes; three need axes with ``projection="3d"``. Of a single target: how many delays.
    delay : int, default=1
        Steps between the values of a single target.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the numbers of targets do not agree, or columns do not fit the axes.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> angle = np.linspace(0, 6.28, 50)
    >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> ax = plot_attractor(circle, {"model": 1.1 * circle})
    >>> [line.get_label() for line in ax.lines]
    ['truth', 'model']
    """
    known = _embedded(truth, "truth", len(columns), delay)
    named = dict(predicted) if isinstance(predicted, Mapping) else {"predicted": predicted}
    runs = {
        str(name): _embedded(run, "predicted", len(columns), delay)
        for name, run in named.items()
        if run is not None
    }
    for name, run in runs.items():
        if run.shape[1] != known.shape[1]:
            raise ValueError(f"{name!r} has {run.shape[1]} targets but truth has {known.shape[1]}.")
    places = range(len(columns)) if np.ndim(truth) == 1 or np.shape(truth)[1] == 1 else columns
    ax = _new_plane(len(columns)) if ax is None else ax
    if len(columns) != (3 if ax.name == "3d" else 2) or max(places) >= known.shape[1]:
        raise ValueError(
            f"columns={tuple(columns)} must name two of the {known.shape[1]} targets, or three on axes made with "
            "projection='3d'."
        )
    ax.plot(*known[:, places].T, color=INK, linewidth=0.6, alpha=0.5, label="truth")
    for number, (name, run) in enumerate(runs.items()):
        ax.plot(*run[:, places].T, color=COLOURS[number % len(COLOURS)], linewidth=0.9, label=name)
    if runs:
        ax.legend(frameon=False)
    delayed = known.shape[1] != np.atleast_2d(np.asarray(truth).T).shape[0]
    names = [f"y(t - {k * delay})" if k else "y(t)" for k in range(len(columns))]
    names = names if delayed else [f"target {c}" for c in columns]
    for axis, name in zip("xyz", names):
        getattr(ax, f"set_{axis}label")(name)
    if title:
        ax.set_title(title, loc="left")
    return ax


def plot_states(
    states: Any, *, first: int = 0, n_units: int = 50, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the states of a reservoir: a row for each unit, time to the right.

    Parameters
    ----------
    states : array-like of shape (n_steps, n_states)
        As `transform` of a reservoir returns them.
    first : int, default=0
        Number of the first step, for the axis.
    n_units : int, default=50
        Units shown, spread over all, ordered by when each is largest: what follows what is seen.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Blue is negative, red positive; the colours end at the largest absolute state.

    Raises
    ------
    ValueError
        If states are not finite or not 2-D.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> ax = plot_states(np.eye(3)[:, ::-1])
    >>> ax.images[0].get_array().tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    values = as_array(states, "states", ndim=(2,))
    if n_units < 1:
        raise ValueError(f"n_units={n_units} must be at least 1.")
    n_shown = min(int(n_units), values.shape[1])
    chosen = values[:, np.linspace(0, values.shape[1] - 1, n_shown).round().astype(int)]
    chosen = chosen[:, np.argsort(chosen.argmax(axis=0), kind="stable")]
    ax = _new_axes() if ax is None else ax
    limit = np.abs(values).max() or 1.0
    extent = (first - 0.5, first + len(values) - 0.5, n_shown - 0.5, -0.5)
    image = ax.imshow(
        chosen.T,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        extent=extent,
        interpolation="nearest",
    )
    ax.figure.colorbar(image, ax=ax, label="state")
    _finish(ax, title, f"{n_shown} of {values.shape[1]} units")
    ax.grid(visible=False)
    ax.set_yticks([])
    ax.set_xlabel("step", fontsize=12)
    return ax


def _embedded(values: Any, name: str, n_axes: int, delay: int) -> np.ndarray:
    """Return (n_steps, n_targets), of one target its delays; rows that are not finite become gaps."""
    array = as_array(values, name, finite=False)
    array = array.reshape(len(array), -1)
    if array.shape[1] > 1:
        return array
    span = (n_axes - 1) * int(delay)
    if delay < 1 or len(array) <= span:
        raise ValueError(f"delay={delay} must be at least 1, and {name} longer than {span} steps.")
    return np.hstack([array[span - k * delay : len(array) - k * delay] for k in range(n_axes)])


def _new_plane(n_axes: int) -> Any:
    from matplotlib import pyplot as plt

    projection = {"projection": "3d"} if n_axes == 3 else {}
    return plt.subplots(figsize=(5.5, 5), layout="constrained", subplot_kw=projection)[1]
