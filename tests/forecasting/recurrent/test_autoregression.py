"""The linear part of recurrent forecasters that is known before training begins."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from forecasting import ConvolutionalForecaster, RecurrentForecaster
from forecasting.networks.heads import HEADS, make_head
from forecasting.recurrent import autoregression
from forecasting.recurrent.window_network import LinearLayer, loss_and_grad
from forecasting.recurrent.windows import divided_origins
from reservoir import load, save
from tests.forecasting.recurrent.test_window_network import assert_gradient, data, network, parameters


def walk(n_steps, seed=0, n_targets=None):
    """A series whose next value is half of each of the last two, and noise."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((n_steps, n_targets or 1)).cumsum(axis=0)
    y[2:] += 0.5 * y[:-2]
    return y if n_targets else y[:, 0]


def settings(**options):
    common = {"n_units": 4, "max_horizon": 6, "window": 12, "n_epochs": 2, "steps_per_epoch": 5}
    return {**common, "linear_skip": "ridge", "random_state": 0, **options}


def rows_of(series, first, counts, window, horizon):
    """Windows in the units of their last value and standard deviation, and what follows."""
    pasts, futures = [], []
    for y, begin, count in zip(series, first, counts):
        for origin in range(begin, begin + count):
            past, future = y[max(0, origin - window) : origin], y[origin : origin + horizon]
            past = np.concatenate([np.repeat(past[:1], window - len(past)), past])
            pasts.append((past - past[-1]) / past.std())
            futures.append((future - past[-1]) / past.std())
    return np.array(pasts), np.array(futures)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_it_is_the_ridge_regression_with_the_best_of_the_penalties(early_stopping):
    """By squared errors of the held-out windows, or by generalised cross-validation, both written out."""
    series = [walk(90), 5 + 3 * walk(60, seed=1)]
    model = RecurrentForecaster(**settings(early_stopping=early_stopping, validation_fraction=0.3)).fit(
        series
    )
    training, unseen = divided_origins(np.array([90, 60]), 12, 6, 0.3 * early_stopping)
    X, Y = rows_of(series, *training, 12, 6)
    scores, models = [], []
    for share in np.logspace(-4, 1, 11):
        penalty = share * np.mean((X - X.mean(axis=0)) ** 2) * len(X)
        models.append(Ridge(penalty).fit(X, Y))
        if early_stopping:
            seen, truth = rows_of(series, *unseen, 12, 6)
            scores.append(((models[-1].predict(seen) - truth) ** 2).sum())
        else:
            centred = X - X.mean(axis=0)
            hat = centred @ np.linalg.solve(centred.T @ centred + penalty * np.eye(12), centred.T)
            misses = ((models[-1].predict(X) - Y) ** 2).sum()
            scores.append(misses / (len(X) - 1 - np.trace(hat)) ** 2)
    best = models[int(np.argmin(scores))]
    linear = model.trained_.linear
    np.testing.assert_allclose(linear.weights, best.coef_.T, atol=2e-5)
    np.testing.assert_allclose(linear.bias, best.intercept_, atol=2e-5)


@pytest.mark.parametrize("strategy", ["direct", "segments"])
def test_the_forecast_is_that_of_both(strategy):
    model = RecurrentForecaster(**settings(strategy=strategy, segment_length=3)).fit(walk(100))
    newest = walk(100)[-12:]
    scale = newest.std()
    linear = newest[-1] + scale * (
        (newest - newest[-1]) / scale @ model.trained_.linear.weights + model.trained_.linear.bias
    )
    without = clone(model).set_params(linear_skip=False).fit(walk(100))
    without.trained_ = model.trained_._replace(linear=())
    network_alone = without.predict(6) - newest[-1]
    np.testing.assert_allclose(model.predict(6), linear + network_alone, atol=1e-5 * scale)


def test_it_needs_no_training_to_forecast_what_is_linear():
    t = np.arange(400.0)
    y = np.sin(t / 3) + np.sin(t / 7)
    quick = settings(window=48, max_horizon=24, n_epochs=10)
    errors = {}
    for skip in (False, True, "ridge"):
        model = RecurrentForecaster(**{**quick, "linear_skip": skip}).fit(y[:376])
        errors[skip] = np.abs(model.predict(24) - y[376:]).max()
    assert errors["ridge"] < 0.2 * min(errors[True], errors[False])


@pytest.mark.parametrize("head", [name for name in HEADS if not make_head(name).counts])
def test_every_head_starts_where_the_regression_is(head):
    """Several targets as well: what a network without output adds is nothing."""
    model = RecurrentForecaster(**settings(head=head)).fit(walk(100, n_targets=2))
    output = model.trained_.params.output
    output.weights[:] = 0
    output.bias[:] = 0
    newest = walk(100, n_targets=2)[-12:]
    scale = newest.std(axis=0)
    z = ((newest - newest[-1]) / scale).ravel()
    linear = (z @ model.trained_.linear.weights + model.trained_.linear.bias).reshape(6, 2)
    np.testing.assert_allclose(model.predict(6), newest[-1] + scale * linear, rtol=1e-3)
    if make_head(head).is_distribution:
        np.testing.assert_allclose(
            model.predict_quantiles(6, quantiles=[0.5]).reshape(6, 2), model.predict(6), rtol=1e-3
        )


@pytest.mark.parametrize("head", ["squared", "quantile", "mixture"])
@pytest.mark.parametrize("strategy", ["direct", "segments"])
def test_gradient_beside_it(head, strategy):
    net = network(head=head, strategy=strategy, linear_skip="ridge")
    rng, batch = np.random.default_rng(3), data(net)
    linear = LinearLayer(rng.standard_normal((16, 10)), rng.standard_normal(10))
    beside = autoregression.added_to(batch, linear, net.horizon, net.head.locations)
    vector = parameters(net)
    assert_gradient(net, beside, vector)
    assert loss_and_grad(net, vector.tree, beside)[0] != loss_and_grad(net, vector.tree, batch)[0]


def test_the_held_out_part_chooses_but_is_not_regressed_on(monkeypatch):
    monkeypatch.setattr(autoregression, "_PENALTIES", np.array([0.01]))
    y = walk(100)
    later = np.concatenate([y[:90], y[90:] + 1000])
    weights = [RecurrentForecaster(**settings()).fit(each).trained_.linear.weights for each in (y, later)]
    np.testing.assert_array_equal(*weights)


def test_it_stays_through_files_updates_and_further_training(tmp_path):
    y = walk(100)
    model = RecurrentForecaster(**settings(warm_start=True)).fit(y[:90])
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(15), model.predict(15))
    before = model.trained_.linear
    model.update(y[90:]).fit(y)
    assert model.trained_.linear is before
    with pytest.raises(ValueError, match="warm_start=True goes on from"):
        model.set_params(linear_skip=False).fit(y)


def test_one_that_convolves():
    model = ConvolutionalForecaster(**settings(n_channels=4)).fit(walk(100))
    assert np.isfinite(model.predict(6)).all()
    assert model.trained_.linear.weights.shape == (12, 6)


def test_what_is_constant_goes_on():
    model = RecurrentForecaster(**settings()).fit([np.full(40, 7.0), np.full(30, 2.0)])
    np.testing.assert_array_equal(model.predict(6), [[7.0] * 6, [2.0] * 6])


def test_few_windows():
    model = RecurrentForecaster(**settings()).fit(walk(10))
    assert np.isfinite(model.predict(6)).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "recursive"}, "linear_skip='ridge' need strategy='direct' or 'segments'"),
        ({"head": "negative_binomial"}, "linear_skip='ridge' forecasts values, not the logarithms"),
        ({"window": 6000}, "6000 steps of 2 targets: 12000 numbers"),
        ({"max_horizon": 200}, "no series has the 201 steps"),
        ({"linear_skip": "lasso"}, "linear_skip"),
    ],
)
def test_errors(options, words):
    y = np.abs(np.rint(walk(100, n_targets=2)))
    with pytest.raises(ValueError, match=words):
        RecurrentForecaster(**settings(**options)).fit(y)
