"""The benchmarks of tune and of local reservoirs: small versions run and reach what they must."""

import numpy as np
import pytest

from benchmarks import peers, tuning_speed
from benchmarks.__main__ import BENCHMARKS
from benchmarks.accuracy import dysts, spatial_chaos
from reservoir.signals import lorenz63


def test_tuned_reservoir_beats_the_analogue():
    series = [lorenz63(460, dt=0.05, random_state=seed)[:, 0] for seed in (1, 2)]
    found = dysts.measure(series[0], series[1][:400], series[1][400:], n_configurations=6)
    assert found.scores["tune (median of the best 5)"] < found.scores["Analogue()"]
    assert not any(found.not_finite.values())
    assert dysts.share_won([1.0, 5.0], [2.0, 2.0]) == "50 %"


def test_local_reservoirs_are_timed_in_lyapunov_times():
    (setting,) = spatial_chaos.lorenz_settings(quick=True)
    times, seconds, _ = spatial_chaos.measure(setting, seed=1)
    assert times.shape == (2, 2)
    assert (times[1] >= times[0]).all()
    assert np.mean(times[1]) > 1.5
    assert seconds > 0


@pytest.mark.skipif(not peers.INSTALLED, reason="needs reservoirpy")
def test_the_peer_runs_fields_free():
    one = spatial_chaos.Setting(spatial_chaos.KS22, spatial_chaos.smooth(300, 64, 0), 2000, 2, "one", True)
    times, *seconds = spatial_chaos.measure_peer(one, seed=1)
    assert np.mean(times) > 0.2
    assert min(seconds) > 0


def test_tuning_is_timed():
    text = tuning_speed.report(quick=True)
    assert "| random |" in text
    assert "| halving |" in text


def test_all_are_in_the_table():
    assert {"dysts", "tune-speed", "kuramoto-sivashinsky", "lorenz96"} < set(BENCHMARKS)
