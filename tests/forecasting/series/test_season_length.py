import numpy as np
import pytest

from forecasting.datasets import load_co2, load_elnino, load_macrodata, load_nile
from forecasting.series.season_length import find_season, season_of_frequency


@pytest.mark.parametrize(
    ("freq", "season"),
    [
        *[("MS", 12), ("ME", 12), ("BMS", 12), ("2MS", 6), ("5MS", None), ("12MS", None), ("SMS", 24)],
        *[("QS", 4), ("QE-FEB", 4), ("W", 52), ("W-WED", 52), ("D", 7), ("2D", None), ("B", 5)],
        *[("YS", None), ("10YS", None), ("h", 24), ("2h", 12), ("5h", None), ("30min", 48), ("5min", 288)],
        *[("min", 60), ("7min", None), ("s", 60), ("10s", 6), ("100ms", None)],
        *[
            ("BYS", None),
            ("BYE-MAR", None),
            ("WOM-3FRI", 12),
            ("24h", 7),
            ("36h", None),
            ("7D", 52),
            ("14D", 26),
        ],
    ],
)
def test_season_of_frequency(freq, season):
    assert season_of_frequency(freq) == season


@pytest.mark.parametrize("period", [3, 6, 12, 24, 50])
def test_a_clear_period_is_found_beside_trend_and_noise(period):
    t = np.arange(400)
    noise = np.random.default_rng(period).normal(size=400)
    assert find_season(np.sin(2 * np.pi * t / period) + 0.2 * noise) == period
    assert find_season(np.sin(2 * np.pi * t / period) * 1e-3 + t + 1e6) == period


def test_nothing_is_found_where_nothing_is():
    rng = np.random.default_rng(0)
    noise = [find_season(rng.normal(size=200)) > 1 for _ in range(100)]
    walks = [find_season(np.cumsum(rng.normal(size=200))) > 1 for _ in range(100)]
    assert max(np.mean(noise), np.mean(walks)) <= 0.02
    for dull in (np.zeros(50), np.arange(50) * 0.1, np.ones(2), [1.0], np.r_[np.zeros(49), 1.0]):
        assert find_season(dull) == 1


def test_real_series():
    assert find_season(load_co2()) == find_season(load_elnino()) == 12
    assert find_season(load_nile()) == find_season(load_macrodata()["realgdp"]) == 1
