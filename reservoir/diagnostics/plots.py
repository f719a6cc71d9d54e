"""Pictures of diagnostics: Axes in, Axes out.

matplotlib is imported when something is drawn (install the extra ``plot``). Colours are told apart by colour-blind
readers (palette of Okabe and Ito, 2008, "Color Universal Design"). Where several results are compared, pass a
dict of name to result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from reservoir.diagnostics.attractors import power_spectrum
from reservoir.diagnostics.echo_state_index import EchoIndex
from reservoir.diagnostics.input_checks import table_of
from reservoir.diagnostics.lyapunov import LyapunovSpectrum
from reservoir.diagnostics.memory import MemoryCapacity
from reservoir.diagnostics.processing_capacity import ProcessingCapacity
from reservoir.diagnostics.ranks import StateRank
from reservoir.diagnostics.stability import StabilityReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LETTERS_SIDE_BY_SIDE = 50  # of names under an axis; more are turned


def plot_memory(memory: MemoryCapacity | Mapping[str, MemoryCapacity], *, ax: Axes | None = None) -> Axes:
    """Draw what is remembered at each delay.

    Parameters
    ----------
    memory : MemoryCapacity, or dict of name to MemoryCapacity
    ax : matplotlib.axes.Axes, optional
        Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    for colour, (name, result) in zip(_cycle(), _named(memory)):
        label = f"{name}: {result.total:.1f} of at most {result.bound}".lstrip(": ")
        ax.plot(np.arange(1, len(result.per_delay) + 1), result.per_delay, color=colour, label=label)
    ax.set_ylim(0, 1.02)
    return _finish(ax, "delay in steps", "squared correlation", "memory capacity")


def plot_processing_capacity(
    capacity: ProcessingCapacity | Mapping[str, ProcessingCapacity], *, ax: Axes | None = None
) -> Axes:
    """Draw the information processing capacity, stacked by degree, below its bound.

    Parameters
    ----------
    capacity : ProcessingCapacity, or dict of name to ProcessingCapacity
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    results = _named(capacity)
    most = max(len(result.by_degree) for _, result in results)
    for place, (_, result) in enumerate(results):
        below = 0.0
        for degree, part in enumerate(result.by_degree, start=1):
            ax.bar(place, part, 0.6, bottom=below, color=COLOURS[(degree - 1) % len(COLOURS)])
            below += part
        bound = "rank of the states" if place == 0 else "_nolegend_"
        ax.hlines(result.bound, place - 0.4, place + 0.4, color=INK, linewidth=1.2, label=bound)
    for degree in range(most):
        ax.bar(0, 0, color=COLOURS[degree % len(COLOURS)], label=f"degree {degree + 1}")
    ax.set_xticks(range(len(results)), [name for name, _ in results])
    if sum(len(name) for name, _ in results) > _LETTERS_SIDE_BY_SIDE:
        ax.tick_params(axis="x", rotation=20)
    highest = max(max(float(result.total), result.bound) for _, result in results)
    ax.set_ylim(0, 1.5 * highest or 1.0)  # room for the legend
    return _finish(ax, "", "capacity", "information processing capacity")


def plot_ranks(ranks: StateRank | Mapping[str, StateRank], *, ax: Axes | None = None) -> Axes:
    """Draw the singular values of states after many input streams.

    Parameters
    ----------
    ranks : StateRank, or dict of name to StateRank
        Such as ``{"kernel": ..., "generalisation": ...}``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    for colour, (name, result) in zip(_cycle(), _named(ranks)):
        values = np.maximum(result.singular_values, 1e-17)
        label = f"{name}: rank {result.rank}".lstrip(": ")
        ax.semilogy(np.arange(1, len(values) + 1), values, ".-", markersize=3, color=colour, label=label)
    return _finish(ax, "number", "singular value over the largest", "rank of the states")


def plot_echo_states(echo: EchoIndex | Mapping[str, EchoIndex], *, ax: Axes | None = None) -> Axes:
    """Draw how fast runs from different initial states come together.

    Parameters
    ----------
    echo : EchoIndex, or dict of name to EchoIndex
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    for colour, (name, result) in zip(_cycle(), _named(echo)):
        end = f"{result.n_responses} response{'s' * (result.n_responses > 1)}"
        label = f"{name}: {end}, {result.rate:.3g} per step".lstrip(": ")
        ax.semilogy(np.maximum(result.distances, 1e-17), color=colour, label=label)
    return _finish(ax, "step", "largest distance between states", "echo states")


def plot_eigenvalues(matrices: ArrayLike | Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Draw the eigenvalues of a matrix, such as a Jacobian, in the complex plane around the unit circle.

    Parameters
    ----------
    matrices : array-like of shape (n, n) or (n_steps, n, n), sparse matrix, ShiftMatrix, or dict of name to these
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    turn = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(turn), np.sin(turn), color=INK, linewidth=0.8)
    for colour, (name, matrix) in zip(_cycle(), _named(matrices)):
        stored = matrix.toarray() if hasattr(matrix, "toarray") else matrix  # as recurrent weights are
        values = np.linalg.eigvals(np.asarray(stored, dtype=float)).ravel()
        label = f"{name}: largest {np.abs(values).max():.3g}".lstrip(": ")
        ax.plot(values.real, values.imag, ".", markersize=4, alpha=0.6, color=colour, label=label)
    ax.set_aspect("equal", adjustable="datalim")
    return _finish(ax, "real part", "imaginary part", "eigenvalues")


def plot_lyapunov(
    spectrum: LyapunovSpectrum, *, expected: ArrayLike | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how Lyapunov exponents settle.

    Parameters
    ----------
    spectrum : LyapunovSpectrum
    expected : array-like, optional
        Exponents of the data or the equations, drawn as dashed lines.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    title = f"Kaplan-Yorke dimension {spectrum.dimension:.3f}"
    many = len(spectrum.exponents) > len(COLOURS)
    if many:  # a legend would hide them
        title += f", largest of {len(spectrum.exponents)} exponents {spectrum.exponents[0]:.3g}"
    for number, (colour, running) in enumerate(zip(_cycle(), spectrum.running.T)):
        label = None if many else f"{spectrum.exponents[number]:.3g}"
        ax.plot(spectrum.times, running, color=colour, label=label)
    for value in [] if expected is None else np.atleast_1d(expected):
        ax.axhline(value, color=INK, linewidth=0.8, linestyle="--")
    return _finish(ax, "time", "mean exponent so far", title)


def plot_valid_times(times: ArrayLike | Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Draw which part of the start points is still forecast validly after a time.

    Parameters
    ----------
    times : array-like of shape (n_starts,), or dict of name to these
        From ``valid_prediction_times``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    for colour, (name, values) in zip(_cycle(), _named(times)):
        ends = np.sort(np.asarray(values, dtype=float))
        left = np.arange(len(ends) - 1, -1, -1) / len(ends)
        label = f"{name}: mean {ends.mean():.2f}".lstrip(": ")
        ax.step([0, *ends], [1, *left], where="post", color=colour, label=label)
    ax.set_ylim(0, 1.02)
    return _finish(ax, "time", "part of the starts still valid", "valid prediction time")


def plot_power_spectra(
    series: ArrayLike | Mapping[str, ArrayLike],
    *,
    column: int = 0,
    dt: float = 1.0,
    n_segment: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw power spectra, such as those of the data and of a free run.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_dims), or dict of name to these
    column : int, default=0
        Which dimension.
    dt : float, default=1.0
    n_segment : int, optional
        See ``power_spectrum``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    for colour, (name, rows) in zip(_cycle(), _named(series)):
        frequencies, power = power_spectrum(rows, dt=dt, n_segment=n_segment)
        ax.semilogy(frequencies[1:], power[1:, column], color=colour, label=name or None)
    return _finish(ax, "frequency", "power spectral density", "power spectrum")


def plot_measures(
    series: ArrayLike | Mapping[str, ArrayLike], *, column: int = 0, n_bins: int = 60, ax: Axes | None = None
) -> Axes:
    """Draw the distribution of one coordinate, such as that of the data and of a free run.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_dims), or dict of name to these
    column : int, default=0
        Which dimension.
    n_bins : int, default=60
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    values = [(name, table_of(name or "series", rows)[:, column]) for name, rows in _named(series)]
    edges = np.histogram_bin_edges(np.concatenate([own for _, own in values]), n_bins)
    for colour, (name, own) in zip(_cycle(), values):
        density, _ = np.histogram(own, edges, density=True)
        ax.stairs(density, edges, color=colour, linewidth=1.4, label=name or None)
    return _finish(ax, "value", "density", "invariant measure")


def plot_stability(report: StabilityReport, *, ax: Axes | None = None) -> Axes:
    """Draw the largest eigenvalues of a closed loop along its run, and those at its fixed points.

    Parameters
    ----------
    report : StabilityReport
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    ax.axhline(1, color=INK, linewidth=0.8)
    ax.plot(report.local_growth, "o", markersize=4, color=COLOURS[0], label="along the run")
    for number, point in enumerate(report.fixed_points):
        label = "at fixed points" if number == 0 else None
        ax.axhline(point.largest, color=COLOURS[1], linewidth=1.2, linestyle=":", label=label)
    ax.locator_params("x", integer=True)
    return _finish(
        ax, "point along the run", "largest modulus of an eigenvalue", str(report).partition("\n")[0]
    )


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(6.4, 4.0), layout="constrained")[1]


def _named(results: Any) -> list[tuple[str, Any]]:
    return list(results.items()) if isinstance(results, Mapping) else [("", results)]


def _cycle():
    while True:
        yield from COLOURS


def _finish(ax: Axes, x: str, y: str, title: str) -> Axes:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.set_title(title, loc="left", fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=9, framealpha=0.85, edgecolor="none")  # readable where it lies on something
    return ax
