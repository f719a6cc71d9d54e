"""ConvolutionalForecaster: the contract, its cache, its receptive field; the quantised head."""

from inspect import signature

import numpy as np
import pytest

from forecasting import FORECASTER_CHECKS, RecurrentForecaster
from forecasting.networks.heads.quantised import Quantised
from forecasting.recurrent.convolutional import ConvolutionalForecaster
from tests.gradients import assert_gradient

QUICK = {
    "n_units": 8,
    "n_channels": 8,
    "max_horizon": 12,
    "n_epochs": 10,
    "steps_per_epoch": 25,
    "random_state": 0,
}
SINE = np.sin(2 * np.pi * np.arange(220) / 12)


def test_shared_parameters_have_the_defaults_of_the_base():
    """scikit-learn reads them off the signature, so that they are written out twice."""
    ours, base = (signature(kind).parameters for kind in (ConvolutionalForecaster, RecurrentForecaster))
    shared = ours.keys() & base.keys()
    assert base.keys() - shared == {"cell", "n_layers", "truncation"}
    assert {name: ours[name].default for name in shared} == {name: base[name].default for name in shared}


@pytest.mark.parametrize("check", FORECASTER_CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(
        ConvolutionalForecaster(
            **{**QUICK, "n_units": 4, "n_channels": 4, "n_epochs": 3, "steps_per_epoch": 10}
        )
    )


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_season_is_learned(strategy):
    forecaster = ConvolutionalForecaster(**QUICK, strategy=strategy).fit(SINE[:200])
    assert np.abs(forecaster.predict(12) - SINE[200:212]).max() < 0.3


def test_dilations_cover_the_window():
    forecaster = ConvolutionalForecaster(**QUICK, window=20, kernel_size=3)
    assert forecaster._stack().cell.dilations == (1, 2, 4, 8)
    assert forecaster._stack().cell.receptive_field >= 20
    assert forecaster.set_params(dilations=(1, 5))._stack().cell.dilations == (1, 5)


def test_a_step_from_the_cache_equals_computing_all_again():
    forecaster = ConvolutionalForecaster(**QUICK, strategy="recursive").fit(SINE[:200])
    stack, params = forecaster.trained_.network.stack, forecaster.trained_.params.stack
    x = SINE[:60, np.newaxis, np.newaxis].astype(np.float32)
    _, state = stack.run(params, x[:40])
    for t in range(40, 60):
        y, state = stack.step(params, x[t], state)
        np.testing.assert_allclose(y, stack.forward(params, x[: t + 1]).states[-1], rtol=2e-5, atol=1e-6)


def test_quantised_values():
    head, rng = Quantised(6, limit=2.0), np.random.default_rng(0)
    raw, y = rng.standard_normal((4, 3, 12)), rng.standard_normal((4, 3, 2))
    loss, grad = head.loss_and_grad(raw, y)
    assert_gradient(lambda tree: head.loss_and_grad(tree[0], y)[0], (raw,), (grad,))
    edges = head.edges
    np.testing.assert_allclose(edges[[0, 3, 6]], [-2.0, 0.0, 2.0], rtol=1e-14)
    place = np.clip(np.searchsorted(edges, y[0, 0, 0], side="right") - 1, 0, 5)
    shares = np.exp(raw[0, 0, :6]) / np.exp(raw[0, 0, :6]).sum()
    own = head.loss_and_grad(raw[:1, :1, :6], y[:1, :1, :1])[0]
    assert own == pytest.approx(-np.log(shares[place] / np.diff(edges)[place]), rel=1e-12)
    drawn = head.sample(np.tile(raw[0, 0, :6], (40000, 1)), rng)
    np.testing.assert_allclose(drawn.mean(), head.mean(raw[0, 0, :6])[0], atol=0.02)
    for q in (0.1, 0.5, 0.9):
        assert abs((drawn < head.quantile(raw[0, 0, :6], q)[0]).mean() - q) < 0.01
    assert np.isfinite(loss)


def test_quantised_values_behind_the_contract():
    forecaster = ConvolutionalForecaster(**QUICK, head=Quantised(16), strategy="recursive").fit(SINE[:200])
    bounds = forecaster.predict_interval(6, coverage=0.8)
    assert (bounds[:, 0] <= bounds[:, 1]).all()


def test_a_layer_of_convolutions_needs_a_dilation():
    with pytest.raises(ValueError, match=r"dilations=\(\) must be at least one"):
        ConvolutionalForecaster(**QUICK, dilations=()).fit(SINE)
