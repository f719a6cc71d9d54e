"""Vectorising elementary functions against NumPy in extended precision."""

import numpy as np
import pytest

from reservoir.kernels import vecmath
from reservoir.kernels.compilation import compiled
from reservoir.kernels.vecmath import ACTIVATIONS, activate, exp, gate, sigmoid, tanh


@compiled(
    arithmetic="elementwise", cached=False
)  # not cached: the assembly of cached code cannot be looked at
def apply(code, x, out):
    if code == 0:
        for i in range(x.size):
            out[i] = tanh(x[i])
    elif code == 1:
        for i in range(x.size):
            out[i] = sigmoid(x[i])
    else:
        for i in range(x.size):
            out[i] = exp(x[i])


CODES = {"tanh": 0, "sigmoid": 1, "exp": 2}
EXACT = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "exp": np.exp,
}


def run(name, x):
    out = np.empty_like(x)
    apply(CODES[name], x, out)
    return out


def arguments(name, dtype, rng):
    largest = (700.0 if dtype == np.float64 else 86.0) if name == "exp" else 40.0
    x = np.concatenate(
        [
            rng.standard_normal(100_000),
            rng.uniform(-largest, largest, 100_000),
            10.0 ** rng.uniform(-30, 1, 50_000) * rng.choice([-1, 1], 50_000),
        ]
    )
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CODES)
def test_within_four_ulp(name, dtype):
    x = arguments(name, dtype, np.random.default_rng(0))
    exact = EXACT[name](x.astype(np.longdouble))
    error = np.abs(run(name, x) - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert float(error.max()) <= 4.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CODES)
def test_special_values_as_numpy(name, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1000, -1000, 88.0, -88.0, tiny, -tiny], dtype)
    with np.errstate(over="ignore", under="ignore"):
        expected = EXACT[name](x.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(run(name, x), expected, rtol=5e-7 if dtype == np.float32 else 1e-15)
    assert np.signbit(run("tanh", x))[4]  # tanh(-0) is -0


def test_exp_underflows_gradually_as_numpy():
    x = np.linspace(-745.5, -700, 4001)
    with np.errstate(under="ignore"):
        expected = np.exp(x)
    smallest = np.finfo(float).smallest_subnormal
    assert np.all(np.abs(run("exp", x) - expected) <= np.maximum(smallest, 4 * np.spacing(expected)))


@compiled(arithmetic="elementwise", cached=False)
def apply_gate(x, out):
    for i in range(x.size):
        out[i] = gate(x[i])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gate_is_the_logistic_function_to_rounding_at_one(dtype):
    x = np.concatenate([np.linspace(-1000, 1000, 1001), np.linspace(-40, 40, 20001)]).astype(dtype)
    out = np.empty_like(x)
    apply_gate(x, out)
    expected = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    assert np.abs(out - expected).max() < np.finfo(dtype).eps
    edges = np.array([np.inf, -np.inf, np.nan, 0.0], dtype)
    apply_gate(edges, edges)
    np.testing.assert_allclose(edges, [1, 0, np.nan, 0.5], atol=np.finfo(dtype).tiny * 2)


def test_loops_are_vectorised():
    x = np.zeros(100)
    apply(0, x, x.copy())
    assembly = next(iter(apply.inspect_asm().values()))
    if "ymm" not in assembly and "zmm" not in assembly:
        pytest.skip("this processor has no AVX registers")
    # One packed division per function at least; scalar ones remain for the last elements.
    assert assembly.count("vdivpd") >= 3


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("tanh", np.tanh),
        ("identity", lambda x: x),
        ("relu", lambda x: np.maximum(x, 0)),
        ("saturated_linear", lambda x: np.clip(x, 0, 1)),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    ],
)
def test_activations(name, function, dtype):
    x = np.array([np.nan, -2.5, -0.5, 0.0, 0.25, 1.0, 3.0], dtype)
    values = x.copy()
    activate(values, ACTIVATIONS[name])
    assert values.dtype == dtype
    np.testing.assert_allclose(values, function(x), rtol=1e-6 if dtype == np.float32 else 1e-15)


def test_table_of_activations_is_complete_and_codes_differ():
    assert sorted(ACTIVATIONS.values()) == list(range(len(ACTIVATIONS)))


def test_functions_also_work_outside_compiled_code():
    for name, exact in EXACT.items():
        assert getattr(vecmath, name)(0.5) == pytest.approx(float(exact(0.5)), rel=1e-15)
