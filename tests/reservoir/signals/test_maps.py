"""What all signals promise, and the maps, sines and NARMA systems against plain loops and published properties."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from reservoir import signals
from reservoir.signals import (
    henon,
    kuramoto_sivashinsky,
    logistic_map,
    lorenz63,
    lorenz96,
    mackey_glass,
    multiple_sines,
    narma,
    rossler,
)
from tests import naive

# name: (generator, shape of one sample)
CHAOTIC: dict[str, tuple[Callable[..., np.ndarray], tuple[int, ...]]] = {
    "henon": (henon, (2,)),
    "logistic_map": (logistic_map, ()),
    "lorenz63": (lorenz63, (3,)),
    "rossler": (rossler, (3,)),
    "lorenz96": (functools.partial(lorenz96, n_dims=7), (7,)),
    "mackey_glass": (mackey_glass, ()),
    "mackey_glass_rk4": (functools.partial(mackey_glass, tau=30, method="rk4"), ()),
    "kuramoto_sivashinsky": (functools.partial(kuramoto_sivashinsky, n_points=32, washout=40), (32,)),
}


def global_state():
    return np.random.get_state(legacy=False)["state"]["key"].copy()


# ------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(("generate", "sample_shape"), CHAOTIC.values(), ids=CHAOTIC.keys())
class TestEveryChaoticSystem:
    def test_returns_finite_float64_rows(self, generate, sample_shape):
        series = generate(12)
        assert series.shape == (12, *sample_shape)
        assert series.dtype == np.float64
        assert np.isfinite(series).all()
        assert generate(1).shape == (1, *sample_shape)

    def test_a_longer_series_begins_with_the_shorter_one(self, generate, sample_shape):
        assert_array_equal(generate(30)[:12], generate(12))

    def test_washout_drops_that_many_samples(self, generate, sample_shape):
        assert_array_equal(generate(12, washout=5), generate(17, washout=0)[5:])

    def test_default_is_always_the_same_series(self, generate, sample_shape):
        assert_array_equal(generate(12), generate(12))

    def test_same_seed_same_series_other_seed_another(self, generate, sample_shape):
        first = generate(12, random_state=3)
        assert_array_equal(first, generate(12, random_state=3))
        assert np.abs(first - generate(12, random_state=4)).max() > 1e-3
        assert np.abs(first - generate(12)).max() > 1e-3

    def test_accepts_generators_and_leaves_the_global_state_alone(self, generate, sample_shape):
        before = global_state()
        rng = np.random.default_rng(0)
        assert (generate(12, random_state=rng) != generate(12, random_state=rng)).any()
        generate(12, random_state=np.random.RandomState(0))
        assert_array_equal(before, global_state())

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"n_steps": 0}, "'n_steps' parameter of .* must be an int in the range \\[1, inf\\). Got 0"),
            ({"n_steps": 2.5}, "'n_steps' parameter of .* Got 2.5"),
            ({"n_steps": 5, "washout": -1}, "'washout' parameter of .* Got -1"),
            ({"n_steps": 5, "random_state": "x"}, "'random_state' parameter of .* Got 'x'"),
        ],
    )
    def test_bad_arguments(self, generate, sample_shape, arguments, text):
        with pytest.raises(ValueError, match=text):
            generate(**arguments)


@pytest.mark.parametrize("name", sorted(set(CHAOTIC) - {"mackey_glass", "mackey_glass_rk4"}))
class TestEverySystemWithAnInitialState:
    def test_begins_there(self, name):
        generate, _ = CHAOTIC[name]
        start = generate(1)[0]
        assert_allclose(generate(2, initial_state=start, washout=0)[0], start, atol=1e-14)

    def test_continued_series_equals_the_whole(self, name):
        generate, _ = CHAOTIC[name]
        whole = generate(20)
        tail = generate(10, initial_state=whole[10], washout=0)
        assert_allclose(tail, whole[10:], rtol=1e-9, atol=1e-9)

    def test_state_and_seed_exclude_each_other(self, name):
        generate, _ = CHAOTIC[name]
        with pytest.raises(ValueError, match="initial_state fixes the start and random_state draws one"):
            generate(5, initial_state=generate(1)[0], random_state=0)

    def test_rejects_states_of_the_wrong_shape_or_value(self, name):
        generate, shape = CHAOTIC[name]
        if shape:
            with pytest.raises(ValueError, match=r"initial_state has shape \(1,\), this system needs"):
                generate(5, initial_state=[0.5])
            with pytest.raises(ValueError, match="initial_state must be finite"):
                generate(5, initial_state=np.full(shape, np.nan))
        else:
            with pytest.raises(ValueError, match="'initial_state' parameter of logistic_map"):
                generate(5, initial_state=np.nan)


def test_a_given_start_is_kept_unless_a_washout_is_asked_for():
    path = lorenz63(4, initial_state=[1, 2, 3])
    assert_array_equal(path[0], [1, 2, 3])
    assert_array_equal(lorenz63(3, initial_state=[1, 2, 3], washout=1), path[1:])
    assert_array_equal(henon(2, initial_state=[0.1, 0.2])[0], [0.1, 0.2])


def test_everything_public_is_exported_and_documented():
    for name in signals.__all__:
        assert "Examples" in getattr(signals, name).__doc__
        assert "References" in getattr(signals, name).__doc__


# ------------------------------------------------------------------------------------- maps


def test_henon_equals_the_naive_loop():
    assert_array_equal(henon(500, initial_state=[0.1, -0.2]), naive.henon(500, 0.1, -0.2))


def test_henon_has_the_published_lyapunov_exponents_and_bounds():
    orbit = henon(20_000)
    direction, growth = np.array([1.0, 0.0]), 0.0
    for x in orbit[:, 0]:
        direction = np.array([-2.8 * x * direction[0] + direction[1], 0.3 * direction[0]])
        size = np.hypot(*direction)
        growth, direction = growth + np.log(size), direction / size
    assert growth / len(orbit) == pytest.approx(0.41922, abs=0.01)  # Sprott (2003)
    assert np.abs(orbit).max(axis=0) == pytest.approx([1.2847, 0.3854], abs=2e-3)


def test_henon_says_when_the_orbit_escapes():
    with pytest.raises(ValueError, match=r"the orbit diverged by step 9 .*start nearer to the attractor"):
        henon(100, initial_state=[5, 5])


def test_logistic_map_equals_the_naive_loop():
    assert_array_equal(logistic_map(500, initial_state=0.2, r=3.9), naive.logistic_map(500, 0.2, 3.9))


def test_logistic_map_has_exponent_ln2_and_the_arcsine_law():
    orbit = logistic_map(100_000)
    assert np.log(np.abs(4.0 * (1.0 - 2.0 * orbit))).mean() == pytest.approx(np.log(2.0), abs=2e-3)
    assert kstest(orbit[::20], "arcsine").pvalue > 0.01


def test_logistic_map_says_when_the_orbit_escapes():
    with pytest.raises(ValueError, match="keep r between 0 and 4 and the start between 0 and 1"):
        logistic_map(100, r=4.5)


# ------------------------------------------------------------------------------------- multiple sines


def test_multiple_sines_are_the_published_sum():
    frequencies = [0.2, 0.311, 0.42, 0.51, 0.63, 0.74, 0.85, 0.97]
    expected = [sum(np.sin(w * n) for w in frequencies) for n in range(300)]
    assert_allclose(multiple_sines(300), expected, atol=1e-12)
    assert_allclose(multiple_sines(300, 3), [sum(np.sin(w * n) for w in frequencies[:3]) for n in range(300)])
    assert_array_equal(multiple_sines(300, frequencies=frequencies), multiple_sines(300))


def test_multiple_sines_have_variance_half_per_sine():
    assert multiple_sines(200_000).var() == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"n_sines": 9},
            r"'n_sines' parameter of multiple_sines must be an int in the range \[1, 8\]. Got 9",
        ),
        ({"frequencies": []}, "frequencies must be a non-empty list of finite numbers"),
        ({"frequencies": [0.1, np.inf]}, "frequencies must be a non-empty list of finite numbers"),
    ],
)
def test_multiple_sines_reject_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        multiple_sines(10, **arguments)


# ------------------------------------------------------------------------------------- NARMA


@pytest.mark.parametrize(
    ("order", "coefficients", "squash"),
    [
        (1, (0.3, 0.05, 1.5, 0.1), False),
        (5, (0.3, 0.05, 1.5, 0.1), False),
        (10, (0.3, 0.05, 1.5, 0.1), False),
        (20, (0.3, 0.05, 1.5, 0.01), True),
        (30, (0.2, 0.04, 1.5, 0.001), False),
    ],
)
def test_narma_is_the_published_recursion(order, coefficients, squash):
    u, y = narma(400, order, random_state=0)
    tanh = {"squash": np.tanh if squash else float}
    assert_allclose(y, naive.narma(u, order, *coefficients, **tanh), rtol=1e-12)
    assert 0.0 <= u.min() < 0.01
    assert 0.49 < u.max() <= 0.5
    chosen = narma(400, order, inputs=u, coefficients=coefficients, squash=squash)
    assert_array_equal(chosen[0], u)
    assert_array_equal(chosen[1], y)


def test_narma_output_depends_on_earlier_and_present_input_only():
    u, y = narma(60, random_state=0)
    later = u.copy()
    later[40:] = 0.0
    changed = narma(60, inputs=later)[1]
    assert_array_equal(changed[:41], y[:41])
    assert changed[41] != y[41]


def test_narma10_is_as_hard_for_a_delay_line_as_published():
    errors = []
    for seed in range(4):
        u, y = narma(8001, random_state=seed)
        taps = np.column_stack([np.ones(8000), *(np.r_[np.zeros(k), u[: 8000 - k]] for k in range(60))])
        train, test = slice(100, 4000), slice(4000, None)
        weights = np.linalg.lstsq(taps[train], y[1:][train], rcond=None)[0]
        errors.append(np.mean((taps[test] @ weights - y[1:][test]) ** 2) / y[1:][test].var())
    # Appeltant et al. (2011): the best linear shift register reaches NMSE 0.16.
    assert np.mean(errors) == pytest.approx(0.15, abs=0.02)


def test_narma_redraws_until_the_output_stays_bounded():
    escaped = 0
    for seed in range(10):
        u, y = narma(40_000, random_state=seed)
        assert np.abs(y).max() <= 2.0
        first = np.random.default_rng(np.random.RandomState(seed).randint(2**31 - 1, size=4)).uniform(
            0, 0.5, 40_000
        )
        escaped += (u != first).any()
    assert 0 < escaped < 10


def test_narma_is_reproducible_and_leaves_the_global_state_alone():
    before = global_state()
    first, again, other = (narma(50, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first[0] != other[0]).all()
    assert (narma(50)[0] != narma(50)[0]).all()
    assert_array_equal(before, global_state())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"order": 0}, "'order' parameter of narma .* Got 0"),
        (
            {"order": 15},
            "order 15 passed bound=2.0 within n_steps=500 in 100 draws in a row: ask for several",
        ),
        ({"coefficients": [1, 2, 3]}, "coefficients must be four finite numbers"),
        ({"inputs": np.ones(500)}, "inputs drive the NARMA system of order 10 beyond bound=2.0 at step 1"),
        ({"inputs": np.zeros(499)}, r"inputs has shape \(499,\), n_steps=500 needs \(500,\)"),
        ({"inputs": np.r_[np.zeros(499), np.nan]}, "inputs must be finite, but step 499 is not"),
        ({"inputs": np.zeros(500), "random_state": 0}, "inputs fixes u and random_state draws it"),
        ({"bound": 0}, "'bound' parameter of narma .* Got 0"),
    ],
)
def test_narma_rejects_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        narma(500, **arguments)
