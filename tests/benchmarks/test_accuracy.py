"""The accuracy benchmarks run, and small versions of them reach what they must."""

import os
import re

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.accuracy import (
    defaults,
    etth1,
    japanese_vowels,
    lyapunov_spectrum,
    m4_hourly,
    mackey_glass,
    memory_capacity,
    multiple_sines,
    narma10,
    santa_fe,
    valid_time_lorenz,
)
from benchmarks.report import described, table
from forecasting import Naive, ReservoirForecaster
from forecasting.datasets import DATA_VARIABLE, fetch_m4_hourly
from reservoir import EchoState

NEEDS_FILES = pytest.mark.skipif(
    DATA_VARIABLE not in os.environ, reason=f"set {DATA_VARIABLE} to a folder of the published files"
)


def test_mackey_glass():
    setting = mackey_glass.Setting(200, 3000, 1e-13)
    log_error, n_diverged = mackey_glass.measure(setting, seed=7, series_seed=7, n_blocks=4)
    assert log_error < -2.5
    assert n_diverged == 0


def test_mackey_glass_counts_diverged_runs(monkeypatch):
    class Forecaster:
        def fit(self, y):
            return self

        def predict(self, horizon, context):
            self.last = getattr(self, "last", 0) + 1
            return np.full(horizon, [0.5, 1.5, -np.inf, np.nan][self.last % 4])

    monkeypatch.setattr(mackey_glass, "forecaster", lambda setting, seed: Forecaster())
    log_error, n_diverged = mackey_glass.measure(mackey_glass.SETTINGS[0], 0, 0, n_blocks=8)
    assert n_diverged == 6
    assert np.isfinite(log_error)


def test_narma10():
    assert np.mean([narma10.measure(100, seed) for seed in (20, 21)]) < 0.1


def test_memory_capacity():
    cycle = memory_capacity.measure("simple cycle, linear", 0.0, "svd", seed=3)
    assert 98.5 < cycle.total < 100
    small = memory_capacity.measure("simple cycle, linear", 0.0, "svd", seed=3, n_units=20)
    assert 19 < small.total < 20 + 3 * small.chance
    assert 0.05 < small.chance < 0.5  # 200 delays, 1,000 tested steps


@pytest.mark.skipif(not peers.INSTALLED, reason="needs reservoirpy")
def test_the_peer_with_the_same_weights_remembers_as_much():
    options = {"n_units": 20, "max_delay": 40}
    ours, theirs = (
        memory_capacity.measure("edge of stability (ES2N)", 1e-8, "svd", 3, **options),
        memory_capacity.measure_peer("edge of stability (ES2N)", 1e-8, 3, **options),
    )
    np.testing.assert_allclose(theirs.per_delay, ours.per_delay, rtol=0, atol=1e-6)
    assert theirs.chance == pytest.approx(ours.chance, abs=1e-6)


@pytest.mark.skipif(not peers.INSTALLED, reason="needs reservoirpy")
def test_the_peer_runs_free_as_the_published_network_does():
    ours, theirs = (
        setting._replace(n_units=100, alpha=1e-6)
        for setting in (
            valid_time_lorenz.SETTINGS["published settings"],
            valid_time_lorenz.PEERS["published settings, ReservoirPy"],
        )
    )
    found, other = (valid_time_lorenz.measure(one, 7, n_starts=2, n_training=3000) for one in (ours, theirs))
    assert found.times.mean() > 1
    np.testing.assert_allclose(other.times, found.times, rtol=0.02)


def test_multiple_sines():
    assert multiple_sines.measure(multiple_sines.reservoirs(0.0, 5)["edge of stability (ES2N)"]) < 0.01


def test_valid_time_lorenz():
    setting = valid_time_lorenz.SETTINGS["chosen"]._replace(n_units=150, alpha=1e-12)
    times, longer, *_ = valid_time_lorenz.measure(setting, seed=7, n_starts=5, n_training=4000)
    assert times.mean() > 8
    assert (longer >= times).all()


def test_the_published_penalty_blows_up_on_exact_data():
    published, cured = (valid_time_lorenz.CASES[i] for i in (1, 4))
    exploding, _ = valid_time_lorenz.measure_next_generation(published, seed=7, n_starts=5)
    assert exploding.max() < 1
    times, errors = valid_time_lorenz.measure_next_generation(cured, seed=7, n_starts=5)
    assert times.mean() > 3
    assert np.median(errors) < 0.02


def test_lyapunov_spectrum():
    setting = valid_time_lorenz.Setting(100, 1e-12, valid_time_lorenz.chosen_network)
    spectrum = lyapunov_spectrum.measure(setting, seed=7, n_steps=4000, n_training=4000)
    np.testing.assert_allclose(spectrum.exponents[:2], [0.906, 0], rtol=0, atol=0.15)


def test_defaults():
    task = defaults.tasks()["sunspots"]
    scores = defaults.measure(task, {"ours": ReservoirForecaster(random_state=0), "naive": Naive()}, 2)
    assert scores["ours"] < 0.7 * scores["naive"]


@NEEDS_FILES
def test_santa_fe():
    assert santa_fe.measure(100, seed=20) < 0.02


@NEEDS_FILES
def test_japanese_vowels():
    assert japanese_vowels.measure(seed=20, n_units=200) <= 12


@NEEDS_FILES
def test_etth1_counts_all_windows():
    """The error of repeating the newest value, as published for this protocol (Zeng et al. 2023: 1.295, 0.713)."""
    pasts, truth = etth1.windows_of(etth1.values(), 96, etth1.VALIDATION, etth1.TEST)
    assert len(truth) == 7 * (2880 - 96 + 1)
    assert etth1.errors(pasts[:, -1:], truth) == pytest.approx((1.295, 0.713), abs=0.002)


@NEEDS_FILES
def test_m4_hourly_scores_as_the_competition():
    """Its seasonal naive forecasts: sMAPE 13.912, MASE 1.193, OWA 0.627."""
    data = fetch_m4_hourly()
    found = m4_hourly.scores(data.test, m4_hourly.seasonal_naive(data.train), data.train)
    assert found == pytest.approx((13.912, 1.193, 0.627), abs=1e-3)
    part = slice(0, None, 20)
    forecast = m4_hourly.ridge(data.train[part])
    ours, naive = (
        m4_hourly.scores(data.test[part], path, data.train[part])[2]
        for path in (forecast, m4_hourly.seasonal_naive(data.train[part]))
    )
    assert ours < naive


def test_command(tmp_path, capsys):
    main(["memory-capacity", "--quick", "--out", str(tmp_path)])
    text = capsys.readouterr().out
    assert (tmp_path / "memory-capacity.md").read_text(encoding="utf-8") == text[:-1]
    assert text.startswith("# Memory capacity of reservoirs of 100 units\n")
    assert re.search(r"\| simple cycle, linear \| 99.09 .* \| ours, svd \| 0 \| 99\.\d\d \+- ", text)
    assert re.search(r"Measured \d{4}-\d\d-\d\d by `python -m benchmarks memory-capacity --quick`", text)
    assert "numpy" in text


def test_unknown_benchmark(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["mackey"])
    assert stop.value.code == 2
    assert re.search("no benchmark mackey: choose from .*mackey-glass", capsys.readouterr().err)


def test_all_are_in_the_table():
    assert {"mackey-glass", "narma10", "santa-fe", "memory-capacity", "japanese-vowels"} < set(BENCHMARKS)


def test_tables_and_descriptions():
    assert table(["a", "b"], [[1, 0.12345]]) == "| a | b |\n|---|---|\n| 1 | 0.123 |"
    assert described(EchoState(7, random_state=3)) == "EchoState(n_units=7)"
    assert described(EchoState(7, random_state=3, topology="ring")) == "EchoState(n_units=7, topology='ring')"
