"""Signals from differential equations, against independent integrations and published properties."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp
from scipy.stats import ks_2samp

from reservoir.signals import (
    kuramoto_sivashinsky,
    lorenz63,
    lorenz96,
    mackey_glass,
    rossler,
)
from reservoir.signals.pde import etdrk4
from tests import naive

FLOWS: dict[str, tuple[Callable[..., np.ndarray], Callable[..., list]]] = {
    "lorenz63": (lorenz63, naive.lorenz63),
    "rossler": (rossler, naive.rossler),
    "lorenz96": (lorenz96, naive.lorenz96),
}


def exact(velocity, start, times):
    """States at ``times`` (n_times, n_dims) by scipy's adaptive eighth-order integrator."""
    span = 0, times[-1]
    solution = solve_ivp(
        lambda t, x: velocity(*x), span, start, method="DOP853", t_eval=times, rtol=1e-13, atol=1e-13
    )
    return solution.y.T


# ------------------------------------------------------------------------------------- flows


@pytest.mark.parametrize("name", FLOWS)
def test_flow_equals_an_adaptive_integration(name):
    generate, velocity = FLOWS[name]
    start = generate(1, random_state=1)[0]
    series = generate(101, dt=0.02, initial_state=start)
    assert_allclose(series, exact(velocity, start, 0.02 * np.arange(101)), atol=2e-10)


@pytest.mark.parametrize("name", FLOWS)
def test_flow_has_order_eight(name):
    generate, velocity = FLOWS[name]
    start = generate(1)[0]
    truth = exact(velocity, start, [0.0, 0.8])[-1]
    steps = 0.8 / 16, 0.8 / 32
    errors = [np.abs(generate(2, dt=0.8, max_step=h, initial_state=start)[-1] - truth).max() for h in steps]
    assert np.log2(errors[0] / errors[1]) > 6.5
    assert errors[1] < 1e-6


@pytest.mark.parametrize("name", FLOWS)
def test_flow_does_not_depend_on_the_sampling(name):
    generate, _ = FLOWS[name]
    start = generate(1)[0]
    coarse = generate(11, dt=0.1, initial_state=start)
    fine = generate(101, dt=0.01, initial_state=start)
    assert_allclose(coarse, fine[::10], atol=1e-10)


@pytest.mark.parametrize(
    ("name", "n_steps", "dt", "n_spans", "published", "tolerance"),
    [
        ("lorenz63", 2, 1.0, 2000, 0.9056, 0.07),  # Sprott (2003)
        ("rossler", 2, 20.0, 700, 0.0714, 0.008),  # Sprott (2003)
        ("lorenz96", 2, 0.5, 700, np.log(2) / 0.42, 0.15),  # Lorenz and Emanuel (1998): doubling in 2.1 days
    ],
)
def test_flow_has_the_published_lyapunov_exponent(name, n_steps, dt, n_spans, published, tolerance):
    generate, _ = FLOWS[name]
    step = 0.05 if name == "rossler" else 0.01

    def advance(state):
        return generate(n_steps, dt=dt, max_step=step, initial_state=state)[-1]

    exponent = naive.largest_lyapunov_exponent(advance, generate(1)[0], dt, n_spans)
    assert exponent == pytest.approx(published, abs=tolerance)


def test_lorenz63_keeps_its_exact_mean_relations():
    x, y, z = lorenz63(200_000, dt=0.05).T
    # From d(x²)/dt and dz/dt having mean zero: <x²> = <x y> = beta <z>.
    assert np.mean(x * x) == pytest.approx(8 / 3 * z.mean(), rel=2e-3)
    assert np.mean(x * y) == pytest.approx(8 / 3 * z.mean(), rel=2e-3)
    assert z.mean() == pytest.approx(23.55, abs=0.1)
    assert np.abs(x).max() < 20.0
    assert np.abs(y).max() < 28.0
    assert 0.0 < z.min() < z.max() < 48.0


def test_rossler_keeps_its_exact_mean_relations():
    x, y, z = rossler(200_000).T
    assert y.mean() == pytest.approx(-z.mean(), rel=2e-3)
    assert x.mean() == pytest.approx(-0.2 * y.mean(), rel=2e-2)
    assert np.abs([x, y]).max() < 12.0
    assert 0.0 < z.min() < z.max() < 24.0


def test_lorenz96_keeps_its_energy_balance_and_climate():
    x = lorenz96(40_000, dt=0.05, max_step=0.01)
    # From the energy: <x²> = forcing <x>.
    assert np.mean(x * x) == pytest.approx(8.0 * x.mean(), rel=3e-3)
    assert x.mean() == pytest.approx(2.34, abs=0.03)
    assert x.std() == pytest.approx(3.64, abs=0.03)


def test_lorenz96_rests_at_the_forcing():
    assert_array_equal(lorenz96(5, 4, forcing=3.0, initial_state=np.full(4, 3.0)), np.full((5, 4), 3.0))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lorenz63(10, dt=0), "'dt' parameter of lorenz63 .* Got 0"),
        (lambda: lorenz63(10, dt=np.nan), "'dt' parameter of lorenz63 .* Got nan"),
        (lambda: lorenz63(10, rho=np.inf), "'rho' parameter of lorenz63 .* Got inf"),
        (lambda: lorenz63(10, dt=10.0, max_step=10.0), "diverged by step 0 .*: lower max_step=10.0"),
        (lambda: rossler(10, initial_state=[1e9, 0, 0]), "lower max_step=0.025 or start nearer"),
        (lambda: lorenz96(10, 3), r"'n_dims' parameter of lorenz96 must be an int in the range \[4, inf\)"),
        (lambda: FLOWS["lorenz63"][0](10, roh=28), "unexpected keyword argument 'roh'"),
    ],
)
def test_flows_reject_bad_arguments(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call()


# ------------------------------------------------------------------------------------- Mackey-Glass


def method_of_steps(tau, n_delays, initial=1.2):
    """Return y(t) for t < n_delays tau, solved delay by delay, each driven by the dense solution of the last."""
    pieces: list[Callable] = [lambda t: np.full((1,), initial)]
    for n in range(n_delays):

        def velocity(t, y, driver=pieces[-1]):
            late = driver(t - tau)
            return 0.2 * late / (1.0 + late**10) - 0.1 * y

        span, start = (n * tau, (n + 1) * tau), pieces[-1](n * tau)
        tolerance = {"rtol": 1e-11, "atol": 1e-12}
        pieces.append(solve_ivp(velocity, span, start, method="DOP853", dense_output=True, **tolerance).sol)
    return lambda t: pieces[1 + int(t // tau)](t)[0]


@pytest.mark.parametrize("tau", [17, 30, 5.3])
def test_mackey_glass_is_the_published_recursion(tau):
    expected = naive.mackey_glass(300, delay=round(tau / 0.1), stride=10, step=0.1)
    assert_allclose(mackey_glass(300, tau, washout=0), expected, rtol=1e-12)


def test_mackey_glass_takes_other_parameters():
    rates: dict[str, Any] = {"beta": 0.25, "gamma": 0.12, "exponent": 8.5, "initial": 0.7}
    expected = naive.mackey_glass(100, delay=40, stride=4, step=0.5, **rates)
    assert_allclose(mackey_glass(100, 20, step=0.5, sampling=2, washout=0, **rates), expected, rtol=1e-11)


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_mackey_glass_takes_a_delay_of_one_step(method):
    series = mackey_glass(3, 0.1, step=0.1, sampling=0.1, washout=0, method=method)
    slope = 0.2 * 1.2 / (1 + 1.2**10) - 0.1 * 1.2
    assert series[1] == pytest.approx(1.2 + 0.1 * slope, abs=1e-3)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("rk4", 4)])
def test_mackey_glass_converges_to_the_solution_of_the_equation(method, order):
    truth = method_of_steps(17, n_delays=6)
    times = np.arange(1, 100)
    expected = np.array([truth(t) for t in times])
    errors = [
        np.abs(mackey_glass(100, step=step, method=method, washout=0)[1:] - expected).max()
        for step in (0.1, 0.05)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)
    assert errors[0] < {1: 0.1, 4: 1e-6}[order]


def test_mackey_glass_has_the_published_variance_and_bounds():
    # Jaeger (2001), section 6: variance 0.067 of the squashed series at tau = 30.
    assert np.tanh(mackey_glass(100_000, 30) - 1.0).var() == pytest.approx(0.067, abs=1e-3)
    series = mackey_glass(100_000)
    assert series.mean() == pytest.approx(0.93, abs=0.005)
    assert series.std() == pytest.approx(0.226, abs=0.003)
    assert 0.40 < series.min() < series.max() < 1.34


def test_mackey_glass_has_the_published_lyapunov_exponent():
    path = mackey_glass(300_000, sampling=0.1).tolist()
    tangent, growth = [1.0] * 171, 0.0
    for now in range(170, len(path) - 1):
        late = path[now - 170] ** 10
        gain = 0.2 * (1.0 - 9.0 * late) / (1.0 + late) ** 2
        tangent.append(tangent[-1] + 0.1 * (gain * tangent[-171] - 0.1 * tangent[-1]))
        if now % 2000 == 0:
            size = max(map(abs, tangent[-171:]))
            growth += np.log(size)
            tangent = [value / size for value in tangent[-171:]]
    assert growth / (len(path) * 0.1) == pytest.approx(0.006, abs=0.0015)


def test_mackey_glass_has_the_distribution_of_a_finer_step():
    coarse, fine = mackey_glass(60_000), mackey_glass(60_000, step=0.025, method="rk4", random_state=0)
    assert ks_2samp(coarse[::60], fine[::60]).pvalue > 0.01


def test_mackey_glass_seeds_give_different_stretches():
    stretches = np.corrcoef([mackey_glass(300, random_state=seed) for seed in range(20)])
    assert abs(stretches[np.triu_indices(20, 1)].mean()) < 0.15


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"tau": 17.05}, r"tau=17.05 is not a whole number of steps of 0.1 \(170.5 of them\): choose a step"),
        ({"tau": 0.01}, r"tau=0.01 is not a whole number of steps of 0.1"),
        ({"sampling": 0.25}, r"sampling=0.25 is not a whole number of steps of 0.1"),
        ({"tau": -17}, "'tau' parameter of mackey_glass .* Got -17"),
        ({"tau": np.inf}, "'tau' parameter of mackey_glass .* Got inf"),
        ({"method": "heun"}, "'method' parameter of mackey_glass must be a str among .* Got 'heun'"),
        ({"initial": 0}, "'initial' parameter of mackey_glass .* Got 0"),
        ({"tau": 90, "step": 30, "sampling": 30}, "the orbit diverged by step .*: lower step=30"),
    ],
)
def test_mackey_glass_rejects_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        mackey_glass(1000, **arguments)


# ------------------------------------------------------------------------------------- Kuramoto-Sivashinsky


def test_etdrk4_coefficients_equal_their_power_series():
    rates, step = np.array([0.0, 1e-9, -0.3, 0.25]), 0.25
    z = step * rates
    phi = [sum(z**n / _factorial(n + k) for n in range(20)) for k in range(4)]
    half = sum((z / 2) ** n / _factorial(n + 1) for n in range(20))
    scheme = etdrk4(rates, step)
    assert_allclose(scheme.whole, phi[0], rtol=1e-14)
    assert_allclose(scheme.q, step * half / 2, rtol=1e-13)
    assert_allclose(scheme.f1, step * (phi[1] - 3 * phi[2] + 4 * phi[3]), rtol=1e-13)
    assert_allclose(scheme.f2, step * (phi[2] - 2 * phi[3]), rtol=1e-13)
    assert_allclose(scheme.f3, step * (4 * phi[3] - phi[2]), rtol=1e-13)


def _factorial(n):
    return float(np.prod(np.arange(1, n + 1, dtype=np.float64)))


@pytest.mark.parametrize("n_points", [32, 33])
def test_kuramoto_sivashinsky_equals_an_adaptive_integration(n_points):
    start = kuramoto_sivashinsky(1, n_points=n_points)[0]
    times = 0.25 * np.arange(9)
    truth = exact(lambda *u: naive.kuramoto_sivashinsky(np.array(u), 22.0), start, times)
    assert_allclose(kuramoto_sivashinsky(9, n_points=n_points, initial_state=start), truth, atol=5e-4)
    finer = kuramoto_sivashinsky(9, n_points=n_points, initial_state=start, max_step=0.25 / 16)
    assert_allclose(finer, truth, atol=1e-7)


def test_kuramoto_sivashinsky_has_order_four():
    start = kuramoto_sivashinsky(1, n_points=16)[0]
    steps = 1 / 32, 1 / 64, 1 / 512
    coarse, fine, truth = (
        kuramoto_sivashinsky(9, 22.0, 16, max_step=h, initial_state=start)[-1] for h in steps
    )
    assert np.log2(np.abs(coarse - truth).max() / np.abs(fine - truth).max()) == pytest.approx(4.0, abs=0.25)


def test_kuramoto_sivashinsky_keeps_its_mean_and_balances_production_with_dissipation():
    u = kuramoto_sivashinsky(8000)
    assert np.abs(u.mean(axis=1)).max() < 1e-13
    k = 2 * np.pi / 22 * np.arange(33)
    power = np.mean(np.abs(np.fft.rfft(u)) ** 2, axis=0)
    # Cvitanović et al. (2010): the energy's rate <u_x²> - <u_xx²> has mean zero on the attractor.
    assert np.sum(k**2 * power) == pytest.approx(np.sum(k**4 * power), rel=5e-3)
    assert 1.1 < u.std() < 1.26
    assert 2.7 < np.abs(u).max() < 3.3


def test_kuramoto_sivashinsky_does_not_start_odd():
    # The equation keeps a field odd that is odd about some point; the series must not live there.
    for field in kuramoto_sivashinsky(400)[::100]:
        mirrored = [np.roll(field[::-1], shift) for shift in range(64)]
        assert min(np.linalg.norm(field + other) for other in mirrored) > 0.05 * np.linalg.norm(field)


def test_kuramoto_sivashinsky_has_the_published_lyapunov_exponent():
    def advance(u):
        return kuramoto_sivashinsky(2, n_points=32, dt=10.0, initial_state=u)[-1]

    exponent = naive.largest_lyapunov_exponent(advance, kuramoto_sivashinsky(1, n_points=32)[0], 10.0, 150)
    assert exponent == pytest.approx(0.043, abs=0.015)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"n_points": 7}, r"'n_points' parameter of kuramoto_sivashinsky .* Got 7"),
        ({"length": 0}, "'length' parameter of kuramoto_sivashinsky .* Got 0"),
        (
            {"dt": 50.0, "max_step": 50.0},
            "the orbit diverged by step 0 .*: lower max_step=50.0, or raise n_points",
        ),
    ],
)
def test_kuramoto_sivashinsky_rejects_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        kuramoto_sivashinsky(10, **arguments)
