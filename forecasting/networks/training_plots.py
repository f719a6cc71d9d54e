"""Pictures of networks and their training: Axes in, Axes out.

matplotlib is imported when something is drawn (install the extra ``plot``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_gradient_norms(norms: Mapping[str, np.ndarray], *, ax: Axes | None = None) -> Axes:
    """Draw how far gradients reach back, one line per network, on a logarithmic scale.

    Parameters
    ----------
    norms : dict of str to array of shape (n_steps, n_series)
        By name, what `gradient_flow.gradient_norms` returns; the median over series is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> ax = plot_gradient_norms({"RNN": np.geomspace(1e-6, 1, 50)[:, np.newaxis]})
    >>> ax.get_yscale()
    'log'
    """
    ax = _new_axes() if ax is None else ax
    for name, values in norms.items():
        back = np.arange(len(values), 0, -1)
        ax.plot(back, np.median(values, axis=1), label=name)
    ax.set(yscale="log", xlabel="steps back in time", ylabel="norm of the gradient in the state")
    ax.legend(frameon=False)
    return _finished(ax)


def plot_gates(activations: Mapping[str, np.ndarray], *, series: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the gates of a cell over a series: the mean over its units, and the band of half of them.

    Parameters
    ----------
    activations : dict of str to array of shape (n_steps, n_series, n_units)
        What `gradient_flow.gate_activations` returns, or some of it.
    series : int, default=0
        Which of the series.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> ax = plot_gates({"update": np.full((20, 1, 4), 0.5)})
    >>> len(ax.lines)
    1
    """
    ax = _new_axes() if ax is None else ax
    for name, values in activations.items():
        steps = np.arange(len(values))
        (line,) = ax.plot(steps, values[:, series].mean(axis=1), label=name)
        band = np.quantile(values[:, series], (0.25, 0.75), axis=1)
        ax.fill_between(steps, *band, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xlabel="step", ylabel="activation, mean and middle half of the units")
    ax.legend(frameon=False)
    return _finished(ax)


def plot_history(history: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw loss and validation over the epochs of a training.

    Parameters
    ----------
    history : DataFrame
        ``Training.history``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"loss": [1.0, 0.5], "validation": [1.1, 0.8]}, index=pd.Index([1, 2], name="epoch"))
    >>> ax = plot_history(frame)
    >>> ax.get_xlabel()
    'epoch'
    """
    ax = _new_axes() if ax is None else ax
    for name in ("loss", "validation"):
        if history[name].notna().any():
            ax.plot(history.index, history[name], label=name)
    ax.set(xlabel="epoch")
    ax.locator_params("x", integer=True)
    ax.legend(frameon=False)
    return _finished(ax)


def _new_axes() -> Axes:
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(9, 4.5), layout="constrained")[1]


def _finished(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", linewidth=0.5, alpha=0.35)
    return ax
