"""tune: scores equal what a backtest or a fitted forecaster gives, whatever the number of threads."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.linear_model import Ridge

from forecasting import (
    RecursiveForecaster,
    ReservoirForecaster,
    RollingOrigin,
    SeasonalNaive,
    WindowAverage,
    backtest,
)
from forecasting.backtesting.left_out_windows import LeaveWindowOut
from forecasting.tuning import default_space, tune
from forecasting.tuning.search_plots import plot_parallel, plot_scores, shown_parameters
from reservoir import EchoState, LeakyUnits, RidgeReadout
from reservoir.signals import mackey_glass

Y = mackey_glass(400)
SPACE = {"reservoir__leak_rate": loguniform(0.1, 1.0), "reservoir__spectral_radius": uniform(0.2, 1.0)}


def small(**options):
    options = {"differences": (), "max_horizon": 5, **options}
    return ReservoirForecaster(EchoState(30, topology="circular"), **options)


def test_any_forecaster_is_scored_as_by_a_backtest():
    cv = RollingOrigin(6, n_windows=4)
    found = tune(WindowAverage(), Y, cv=cv, space={"window": [2, 5, 9]}, metric="mase", n_configurations=50)
    assert len(found.trials) == 3
    for row, model in zip(found.trials.itertuples(), found.forecasters):
        assert row.score == pytest.approx(backtest(model, Y, cv=cv, metrics="mase").summary["mase"].iloc[0])
    assert found.trials["score"].is_monotonic_increasing
    assert found.best_params_ == {"window": found.trials["window"].iloc[0]}
    assert (found.best_forecaster_.predict(3) == clone(found.forecasters[0]).fit(Y).predict(3)).all()


def test_metric_may_be_a_function_or_better_when_high():
    cv = RollingOrigin(6, n_windows=2)
    space = {"season_length": [10, 17, 30]}

    def closeness(y_true, y_pred):
        return float(np.abs(y_true - y_pred).mean())

    plain = tune(SeasonalNaive(), Y, cv=cv, space=space, metric="mae").trials
    named = tune(SeasonalNaive(), Y, cv=cv, space=space, metric=closeness)
    assert named.metric == "closeness"
    assert (named.trials["score"] == plain["score"]).all()
    high = tune(SeasonalNaive(), Y, cv=cv, space=space, metric="valid_prediction_time")
    assert high.trials["score"].is_monotonic_decreasing


@pytest.mark.parametrize("differences", [(), (1,)])
@pytest.mark.parametrize("with_exog", [False, True])
def test_free_runs_equal_a_fitted_forecaster(differences, with_exog):
    X = np.sin(np.arange(400.0))[:, np.newaxis] if with_exog else None
    cv = RollingOrigin(20, n_windows=1, gap=3)
    found = tune(small(differences=differences), Y, X, cv=cv, space=SPACE, n_configurations=3, random_state=0)
    for row, model in zip(found.trials.itertuples(), found.forecasters):
        assert model.readout.alpha == row.alpha
        past, future = (None, None) if X is None else (X[:377], X[377:])
        forecast = model.fit(Y[:377], past).predict(23, future)[3:]
        assert row.score == pytest.approx(np.abs(forecast - Y[380:]).mean(), rel=1e-4)


def test_free_runs_of_a_panel_are_averaged():
    panel = [Y[:200], Y[150:400]]
    found = tune(
        small(), panel, cv=RollingOrigin(10, n_windows=1), space=SPACE, n_configurations=2, random_state=0
    )
    model = found.forecasters[0].fit([y[:-10] for y in panel])
    errors = [np.abs(path - y[-10:]).mean() for path, y in zip(model.predict(10), panel)]
    assert found.best_score_ == pytest.approx(np.mean(errors), rel=1e-4)


def test_left_out_windows_equal_least_squares_without_them():
    cv = LeaveWindowOut(25, n_windows=2, initial=100)
    found = tune(small(), Y, cv=cv, space=SPACE, n_configurations=2, random_state=0)
    model = found.forecasters[0]
    z = (Y - Y.mean()) / Y.std()
    reservoir = clone(model).fit(Y).reservoir_
    states = reservoir.transform(z[:-1, np.newaxis])
    features, targets = np.column_stack([states, z[:-1]]), z[1:]
    errors = []
    for _, test in cv.split(Y):
        kept = np.setdiff1d(np.arange(model.washout, len(targets)), test - 1)
        readout = RidgeReadout(model.readout.alpha, solver="svd").fit(features[kept], targets[kept])
        state, last, path = states[test[0] - 2], z[test[0] - 1], []
        for _ in test:
            row, state = reservoir.transform([[last]], initial_state=state, return_state=True)
            last = float(readout.predict(np.append(row[0], last)[np.newaxis])[0])
            path.append(last)
        errors.append(np.abs(np.array(path) * Y.std() + Y.mean() - Y[test]).mean())
    assert found.best_score_ == pytest.approx(np.mean(errors), rel=1e-5)


def test_windows_that_are_left_out():
    tests = [test for _, test in LeaveWindowOut(10, n_windows=3).split(range(60))]
    assert [test[0] for test in tests] == [10, 30, 50]
    with pytest.raises(ValueError, match=r"the series has 9 steps but .* needs at least 11"):
        list(LeaveWindowOut(10).split(range(9)))
    with pytest.raises(ValueError, match="n_windows must be an integer of at least 1; got 0"):
        LeaveWindowOut(10, n_windows=0)


@pytest.mark.parametrize("method", ["random", "halving"])
def test_the_number_of_threads_does_not_matter(method):
    cv = LeaveWindowOut(20, n_windows=3)
    options = {"cv": cv, "n_configurations": 6, "method": method, "random_state": 3}
    one, two = (tune(small(), Y, n_jobs=n, **options) for n in (1, 2))
    pd.testing.assert_frame_equal(one.trials.drop(columns="seconds"), two.trials.drop(columns="seconds"))
    assert (one.best_forecaster_.predict(9) == two.best_forecaster_.predict(9)).all()
    assert one.best_params_["random_state"] == two.best_forecaster_.forecasters[0].random_state


def test_best_forecaster_is_the_median_of_the_best():
    options = {"cv": LeaveWindowOut(20, n_windows=2), "n_configurations": 6, "random_state": 3}
    by_default, three, alone = (tune(small(), Y, n_combined=n, **options) for n in (None, 3, 1))
    assert (by_default.best_forecaster_.predict(9) == by_default.ensemble(5).fit(Y).predict(9)).all()
    assert (three.best_forecaster_.predict(9) == three.ensemble(3).fit(Y).predict(9)).all()
    assert (alone.best_forecaster_.predict(9) == alone.top(1)[0].fit(Y).predict(9)).all()
    assert isinstance(alone.best_forecaster_, ReservoirForecaster)


def test_default_windows():
    options = {"n_configurations": 3, "random_state": 0}
    by_default = tune(small(), Y, horizon=20, **options)
    pd.testing.assert_frame_equal(
        by_default.trials.drop(columns="seconds"),
        tune(small(), Y, cv=LeaveWindowOut(20), **options).trials.drop(columns="seconds"),
    )
    assert by_default.best_score_ != tune(small(), Y, **options).best_score_  # max_horizon=5
    space = {"season_length": [10, 17]}
    by_default, stated = (tune(SeasonalNaive(), Y, space=space, cv=cv) for cv in (None, RollingOrigin(12)))
    assert by_default.best_score_ == stated.best_score_
    with pytest.raises(ValueError, match=r"horizon=20 is that of the default windows; cv=.* has its own"):
        tune(small(), Y, cv=LeaveWindowOut(20), horizon=20)


def test_failures_are_not_combined():
    space = {"reservoir__spectral_radius": [0.9, 30.0], "reservoir__activation": ["identity"]}
    forecaster = small(readout=RidgeReadout(alphas=[1e-3, 1.0]))
    found = tune(forecaster, Y, cv=RollingOrigin(60, n_windows=2, stride=30), space=space, random_state=0)
    assert np.isinf(found.trials["score"].iloc[1])
    assert isinstance(found.best_forecaster_, ReservoirForecaster)


def test_halving_gives_the_best_more_windows():
    space = {"season_length": list(range(10, 28))}
    cv = RollingOrigin(5, n_windows=9)
    halved = tune(SeasonalNaive(), Y, cv=cv, space=space, method="halving").trials
    assert halved["windows"].tolist() == [9] * 2 + [3] * 4 + [1] * 12
    whole = tune(SeasonalNaive(), Y, cv=cv, space=space).trials
    finalists = halved.index[:2]
    assert halved.loc[finalists, "score"].tolist() == pytest.approx(whole.loc[finalists, "score"].tolist())


def test_search_pays():
    found = tune(
        small(), Y, cv=LeaveWindowOut(40, n_windows=4), n_configurations=20, metric="rmse", random_state=0
    )
    assert found.best_score_ < 0.5 * found.trials["score"].median()
    assert "best of 20 configurations by rmse" in repr(found)
    assert [model.readout.alpha for model in found.top(3)] == found.trials["alpha"].iloc[:3].tolist()
    paths = [model.fit(Y).predict(5) for model in found.top(3)]
    np.testing.assert_allclose(found.ensemble(3).fit(Y).predict(5), np.median(paths, axis=0))


def test_what_diverges_is_given_up():
    forecaster = small(readout=RidgeReadout(alphas=[1e-3, 1.0]))
    space = {"reservoir__spectral_radius": [0.9, 30.0], "reservoir__activation": ["identity"]}
    cv = RollingOrigin(60, n_windows=2, stride=30)
    trials = tune(forecaster, Y, cv=cv, space=space, random_state=0).trials
    assert trials["reservoir__spectral_radius"].tolist() == [0.9, 30.0]
    assert trials["score"].iloc[1] == np.inf
    assert trials["error"].iloc[1]
    with pytest.raises(
        RuntimeError, match=r"all 1 configurations failed, the first with: .*; narrow the space"
    ):
        tune(forecaster, Y, cv=cv, space={**space, "reservoir__spectral_radius": [30.0]}, random_state=0)


def test_default_space_follows_the_parts():
    assert "differences" in default_space(ReservoirForecaster())
    nested = default_space(
        ReservoirForecaster(LeakyUnits(EchoState(20, leak_rate=np.full(20, 0.5))), differences=())
    )
    assert sorted(nested) == [
        f"reservoir__reservoir__{name}" for name in ("bias_scaling", "input_scaling", "spectral_radius")
    ]


def test_noise_in_training_is_judged_by_refitting():
    forecaster = ReservoirForecaster(EchoState(20, noise=1e-3), differences=(), max_horizon=5)
    trials = tune(
        forecaster, Y, cv=RollingOrigin(5, n_windows=1), space=SPACE, n_configurations=2, random_state=0
    ).trials
    assert "alpha" not in trials
    assert np.isfinite(trials["score"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"forecaster": WindowAverage()}, "there is no default space for WindowAverage"),
        ({"space": {"unit": [1]}}, r"space names \['unit'\], which ReservoirForecaster lacks; it has"),
        (
            {"space": {"reservoir__leak_rate": 0.5}},
            r"space\['reservoir__leak_rate'\]=0.5 must be a list of values",
        ),
        ({"method": "grid"}, "method must be 'random' or 'halving'; got 'grid'"),
        ({"n_configurations": 0}, "n_configurations must be an integer of at least 1; got 0"),
        ({"n_jobs": 0}, "n_jobs=0 must be a number of threads, -1 for all processors, or None for 1"),
        ({"metric": "winkler"}, "winkler"),
        ({"metric": ["mae", "mse"]}, "names 2 metrics; a search needs one"),
        (
            {"forecaster": WindowAverage(), "space": {"window": [1]}, "cv": LeaveWindowOut(5)},
            "only a recursive ReservoirForecaster .* use RollingOrigin",
        ),
    ],
)
def test_errors(options, message):
    arguments = {"forecaster": small(), "cv": RollingOrigin(5, n_windows=1), **options}
    with pytest.raises(ValueError, match=message):
        tune(arguments.pop("forecaster"), Y, **arguments)


def test_a_space_is_a_dict_and_what_cannot_be_fails_alone():
    with pytest.raises(
        TypeError, match=r"space=\[{'window': \[2\]}\] must be a dict from parameter names to"
    ):
        tune(WindowAverage(), Y, horizon=5, space=[{"window": [2]}])
    found = tune(RecursiveForecaster(), Y, horizon=5, space={"lags": [0, 3]})
    assert found.best_params_ == {"lags": 3}
    assert found.trials["error"].str.contains("'lags' parameter").tolist() == [False, True]


def test_a_window_without_training_is_an_error():
    with pytest.raises(RuntimeError, match="window 0 has no rows to train on: let cv begin later"):
        tune(small(washout=200), Y, cv=RollingOrigin(20, n_windows=15), space=SPACE, n_configurations=1)


def test_values_that_are_no_numbers_stay_and_are_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    for space in (
        {"subtract": ["mean", None, "last"]},
        {"lags": [3, (1, 5)]},
        {"estimator": [None, Ridge(1.0), Ridge(5.0)]},
        {"lags": [2, 4], "estimator": [None]},
    ):
        found = tune(RecursiveForecaster(), Y, horizon=5, space=space)
        for name, values in space.items():
            drawn = found.trials[name].tolist()
            assert {*map(repr, drawn)} == {*map(repr, values)}
        ends = [text.get_text() for text in plot_parallel(found).texts][:2]
        varied = next(iter(space.values()))
        assert ends == [sorted(map(repr, varied))[0], sorted(map(repr, varied))[-1]]
        assert len(plot_scores(found)) == 1
    with pytest.raises(ValueError, match="result has no parameter that varies"):
        plot_scores(tune(WindowAverage(), Y, horizon=5, space={"window": [3]}))
    pyplot.close("all")


def test_pictures():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    found = tune(
        small(differences="auto"), Y, cv=LeaveWindowOut(9, n_windows=1), n_configurations=6, random_state=0
    )
    names = shown_parameters(found)
    assert "alpha" in names
    assert "random_state" not in names
    axes = plot_scores(found)
    assert [ax.get_xlabel() for ax in axes] == [name.rpartition("__")[2].replace("_", " ") for name in names]
    assert axes[0].get_ylabel() == "mae"
    for ax in (ax for ax in axes if ax.get_xscale() == "log"):  # labels that do not run into each other
        assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))
        assert 2 <= len(ax.get_xticks()) < 14
    with pytest.raises(ValueError, match=r"axes has 1 entries for the \d parameters"):
        plot_scores(found, axes=axes[:1])
    ax = plot_parallel(found)
    assert len(ax.lines) == 6
    assert len(ax.get_xticks()) == len(names) + 1
    best = ax.lines[-1].get_ydata()
    assert best[-1] == 0  # drawn last, the lowest score
    pyplot.close("all")
