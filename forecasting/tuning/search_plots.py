"""Pictures of a search: what mattered, and how the good configurations differ from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.tuning.search_result import TuningResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOGARITHMIC = 10.0  # a range whose ends differ by more than this factor is drawn on a logarithmic scale
_TICKS = np.outer(10.0 ** np.arange(-12, 13), (1, 3)).ravel()  # of scales of few decades


def plot_scores(result: TuningResult, *, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw the score of every configuration over each parameter, the best one marked.

    Parameters
    ----------
    result : TuningResult
    axes : sequence of matplotlib.axes.Axes, optional
        One for each parameter; by default a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are fewer axes than parameters, or no parameter varies.
    """
    names = shown_parameters(result)
    if axes is None:
        from matplotlib import pyplot as plt

        axes = plt.subplots(
            1, len(names), figsize=(3 * len(names), 3), sharey=True, squeeze=False, layout="constrained"
        )[1][0]
    if len(axes) < len(names):
        raise ValueError(f"axes has {len(axes)} entries for the {len(names)} parameters {names}; give more")
    trials = result.trials[np.isfinite(result.trials["score"])]
    for ax, name in zip(axes, names):
        places, labels = _places(trials[name])
        ax.scatter(places, trials["score"], s=14, color="#0072B2", alpha=0.6, linewidths=0)
        ax.scatter(places[:1], trials["score"].iloc[:1], s=60, color="#D55E00", zorder=3)
        _dress(ax, name, trials[name], labels)
        ax.grid(axis="y", linewidth=0.5, alpha=0.35)
    axes[0].set_ylabel(result.metric)
    return list(axes[: len(names)])


def plot_parallel(result: TuningResult, *, n_best: int = 5, ax: Axes | None = None) -> Axes:
    """Draw every configuration as a line across all parameters and the score (parallel coordinates).

    Parameters
    ----------
    result : TuningResult
    n_best : int, default=5
        Lines of this many best configurations are drawn in colour, over the others.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Each coordinate runs from its smallest value (0) to its largest (1), which are written at its ends; what is no
        number stands in order of its text.

    Raises
    ------
    ValueError
        If no parameter varies.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(9, 4.5), layout="constrained")[1]
    trials = result.trials[np.isfinite(result.trials["score"])]
    names = [*shown_parameters(result), "score"]
    columns = {name: _places(trials[name]) for name in names}
    heights = np.column_stack(
        [_unit(np.log10(c) if _is_wide(trials[name]) else c) for name, (c, _) in columns.items()]
    )
    for rank in range(len(trials) - 1, -1, -1):
        best = rank < n_best
        ax.plot(
            heights[rank],
            color="#D55E00" if best else "#0072B2",
            alpha=0.9 if best else 0.2,
            linewidth=1.8 if best else 0.8,
        )
    for x, (places, labels) in enumerate(columns.values()):
        for height, end in ((0, places.min()), (1, places.max())):
            ax.annotate(
                labels[int(end)] if labels else _short(end),
                (x, height),
                xytext=(3, 3 if height else -11),
                textcoords="offset points",
                fontsize=9,
            )
    # word below word: side by side the names of neighbours would touch
    ax.set_xticks(range(len(names)), [_last(name).replace(" ", "\n") for name in names])
    ax.set_yticks([])
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    ax.grid(axis="x", linewidth=0.8)
    return ax


def shown_parameters(result: TuningResult) -> list[str]:
    """Return the parameters worth drawing: those that vary, seeds left out."""
    values = {name: result.trials[name].map(repr).nunique() for name in result.parameters}
    shown = [name for name, n in values.items() if n > 1 and not name.endswith("random_state")]
    if not shown:
        raise ValueError(
            "result has no parameter that varies, seeds apart: search more than one value of one"
        )
    return shown


def _places(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Numbers as they are, everything else at 0, 1, ... with labels."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=float), []
    codes, levels = pd.factorize(values.map(repr), sort=True)
    return codes.astype(float), list(levels)


def _is_wide(values: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values)
    return bool(numeric and values.min() > 0 and values.max() > _LOGARITHMIC * values.min())


def _dress(ax: Axes, name: str, values: pd.Series, labels: list[str]) -> None:
    if labels:
        ax.set_xticks(range(len(labels)), labels)
    elif _is_wide(values):
        ax.set_xscale("log")
        if values.max() < 1000 * values.min():  # within few decades matplotlib's labels run into each other
            ax.set_xticks([tick for tick in _TICKS if values.min() <= tick <= values.max()])
            ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
    ax.set_xlabel(_last(name))
    ax.spines[["top", "right"]].set_visible(False)


def _unit(values: np.ndarray) -> np.ndarray:
    spread = values.max() - values.min()
    return (values - values.min()) / spread if spread > 0 else np.full(len(values), 0.5)


def _last(name: str) -> str:
    return name.rpartition("__")[2].replace("_", " ")


def _short(value: float) -> str:
    return f"{value:.3g}"
