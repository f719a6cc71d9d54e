"""Pictures show the numbers that they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from reservoir import EchoState
from reservoir.diagnostics import (
    EchoIndex,
    FixedPoint,
    LyapunovSpectrum,
    MemoryCapacity,
    ProcessingCapacity,
    StabilityReport,
    StateRank,
    plots,
    power_spectrum,
)

MEMORY = MemoryCapacity(2.5, np.array([1.0, 0.9, 0.6]), 3, 0.1)
CAPACITY = ProcessingCapacity(5.0, np.array([3.0, 2.0]), 6, ((0,), (0, 1)), np.array([3.0, 2.0]), 0.01)
TIMES = np.array([1.0, 2.0])
RUNNING = np.array([[1.0, -2.0], [0.9, -1.5]])
SPECTRUM = LyapunovSpectrum(np.array([0.9, -1.5]), 1.6, TIMES, RUNNING, np.array([0.1, 0.1]))
REPORT = StabilityReport(
    100, None, 1.5, SPECTRUM, None, np.array([0.9, 1.1]), (FixedPoint(np.zeros(1), 2.0, 1),)
)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def words(ax):
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_memory():
    ax = plots.plot_memory({"ring": MEMORY, "other": MEMORY})
    assert words(ax) == ["ring: 2.5 of at most 3", "other: 2.5 of at most 3"]
    assert_allclose(ax.lines[0].get_xydata(), [[1, 1], [2, 0.9], [3, 0.6]])


def test_processing_capacity():
    ax = plots.plot_processing_capacity({"a": CAPACITY, "b": CAPACITY})
    heights = [bar.get_height() for bar in ax.patches]
    assert heights[:4] == [3, 2, 3, 2]
    assert ax.patches[1].get_y() == 3
    assert set(words(ax)) == {"rank of the states", "degree 1", "degree 2"}
    assert ax.get_ylim()[1] >= 1.5 * CAPACITY.bound  # the legend stands above all of it
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {0}
    ax = plots.plot_processing_capacity({30 * "a": CAPACITY, 30 * "b": CAPACITY})
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {20}


def test_ranks_and_echo_states():
    ax = plots.plot_ranks({"kernel": StateRank(2, np.array([1.0, 0.1, 0.0]))})
    assert words(ax) == ["kernel: rank 2"]
    assert_allclose(ax.lines[0].get_ydata(), [1, 0.1, 1e-17])
    ax = plots.plot_echo_states(EchoIndex(1, np.array([1.0, 0.1, 0.01]), -2.3))
    assert words(ax) == ["1 response, -2.3 per step"]
    assert ax.get_yscale() == "log"


def test_eigenvalues():
    matrices = np.array([np.diag([0.5, -0.25]), np.diag([1.5, 0.0])])
    ax = plots.plot_eigenvalues({"Jacobians": matrices})
    assert words(ax) == ["Jacobians: largest 1.5"]
    assert sorted(ax.lines[1].get_xdata()) == [-0.25, 0, 0.5, 1.5]


@pytest.mark.parametrize("topology", ["random", "circular", "dense"])
def test_eigenvalues_of_recurrent_weights_as_they_are_stored(topology):
    weights = (
        EchoState(40, topology=topology, spectral_radius=0.7, random_state=0).fit([[0.0]]).recurrent_weights_
    )
    assert words(plots.plot_eigenvalues({"W": weights})) == ["W: largest 0.7"]


def test_exponents():
    ax = plots.plot_lyapunov(SPECTRUM, expected=[0.906, 0])
    assert words(ax) == ["0.9", "-1.5"]
    assert_allclose(ax.lines[1].get_ydata(), [-2, -1.5])
    assert [line.get_linestyle() for line in ax.lines[2:]] == ["--", "--"]
    exponents = np.linspace(-1, -9, 9)
    many = LyapunovSpectrum(exponents, 0.0, TIMES, np.tile(exponents, (len(TIMES), 1)), np.zeros(9))
    ax = plots.plot_lyapunov(many)
    assert words(ax) == []
    assert ax.get_title(loc="left").endswith("largest of 9 exponents -1")


def test_valid_times():
    ax = plots.plot_valid_times({"ours": [3.0, 1.0]})
    assert words(ax) == ["ours: mean 2.00"]
    assert_allclose(ax.lines[0].get_xydata(), [[0, 1], [1, 0.5], [3, 0]])


def test_spectra_and_measures():
    rows = np.random.default_rng(0).standard_normal((400, 2))
    _, given = plt.subplots()
    ax = plots.plot_power_spectra({"data": rows, "run": rows + 1}, column=1, dt=0.5, ax=given)
    assert ax is given
    spectrum = power_spectrum(rows, dt=0.5)
    assert_allclose(ax.lines[0].get_ydata(), spectrum.power[1:, 1])
    assert words(ax) == ["data", "run"]
    ax = plots.plot_measures(rows[:, 0], n_bins=10)
    values, edges, _ = ax.patches[0].get_data()
    assert_allclose(np.sum(values * np.diff(edges)), 1)


def test_stability():
    ax = plots.plot_stability(REPORT)
    assert_allclose(ax.lines[1].get_ydata(), [0.9, 1.1])
    assert_allclose(ax.lines[2].get_ydata(), [2, 2])
    assert (ax.get_xticks() % 1 == 0).all()
    assert ax.get_title(loc="left") == "free run of 100 steps: within 1.5 times the training range"
