import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score

from forecasting import Drift, EnsembleForecaster, RecursiveForecaster
from forecasting.backtesting.left_out_windows import LeaveWindowOut
from forecasting.backtesting.run import FixedOrigins, RollingOrigin, backtest
from forecasting.baselines.naive import Naive
from forecasting.metrics import METRICS, mase

Y = np.cumsum(np.random.default_rng(3).normal(size=60)) + 20.0
MONTHS = pd.Series(Y, index=pd.date_range("2020-01-01", periods=60, freq="MS"), name="sales")


class Recorder(BaseEstimator):
    """Repeats the last value (times ``factor``, plus X) and keeps what it was given."""

    calls = ()  # replaced by a list in a test that wants to look

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, y, X=None):
        type(self).calls += (("fit", np.array(y), None if X is None else np.array(X)),)
        self.last_, self.kind_ = np.asarray(y)[-1], y
        return self

    def update(self, y, X=None):
        type(self).calls += (("update", np.array(y), None if X is None else np.array(X)),)
        self.last_ = np.asarray(y)[-1]
        return self

    def predict(self, horizon, X=None):
        steps = np.arange(1, horizon + 1) if isinstance(horizon, int) else np.asarray(horizon)
        type(self).calls += (("predict", steps, None if X is None else np.array(X)),)
        return np.full(len(steps), self.factor * self.last_) + (
            0 if X is None else np.asarray(X)[steps - 1, 0]
        )

    def predict_interval(self, horizon, X=None, coverage=0.9):
        path = self.predict(horizon, X)
        return np.stack([path - 1, path + 1], axis=-1)


class Broken(Recorder):
    """Fails to fit long series."""

    def fit(self, y, X=None):
        if len(y) > 50:
            raise ValueError("y is too long\nfor me")
        return super().fit(y, X)


class Diverging(Recorder):
    def predict(self, horizon, X=None):
        return np.full(horizon, np.inf)


@pytest.fixture(autouse=True)
def _forget_calls():
    Recorder.calls = Broken.calls = Diverging.calls = ()


# --------------------------------------------------------------------------------------- RollingOrigin


@pytest.mark.parametrize(
    ("cv", "cuts"),
    [
        (RollingOrigin(3, n_windows=2), [(0, 14, 14, 17), (0, 17, 17, 20)]),
        (RollingOrigin(3, n_windows=2, stride=1), [(0, 16, 16, 19), (0, 17, 17, 20)]),
        (RollingOrigin(3, n_windows=2, window=5), [(9, 14, 14, 17), (12, 17, 17, 20)]),
        (RollingOrigin(3, n_windows=2, gap=2), [(0, 12, 14, 17), (0, 15, 17, 20)]),
        (RollingOrigin(4, n_windows=None, initial=9), [(0, 12, 12, 16), (0, 16, 16, 20)]),
        (RollingOrigin(2, n_windows=2, window=17, initial=3), [(0, 16, 16, 18), (1, 18, 18, 20)]),
    ],
)
def test_rolling_origin_cuts(cv, cuts):
    got = list(cv.split(np.zeros(20)))
    assert [(train[0], train[-1] + 1, test[0], test[-1] + 1) for train, test in got] == cuts
    assert all((np.diff(positions) == 1).all() for pair in got for positions in pair)
    assert cv.get_n_splits(np.zeros(20)) == len(cuts)


def test_rolling_origin_equals_time_series_split():
    ours = RollingOrigin(4, n_windows=3).split(np.zeros(30))
    theirs = TimeSeriesSplit(3, test_size=4).split(np.zeros(30))
    for pair in zip(ours, theirs):
        for a, b in zip(*pair):
            np.testing.assert_array_equal(a, b)


def test_rolling_origin_serves_scikit_learn():
    cv = RollingOrigin(6, n_windows=4, stride=3)
    assert repr(cv) == "RollingOrigin(horizon=6, n_windows=4, stride=3, initial=None, window=None, gap=0)"
    assert len(cross_val_score(LinearRegression(), np.arange(60.0)[:, None], Y, cv=cv)) == 4
    search = GridSearchCV(
        Recorder(), {"factor": [0.5, 1.0]}, cv=cv, scoring=lambda f, y: -abs(f.predict(1)[0] - y[0])
    )
    assert search.fit(Y).best_params_ == {"factor": 1.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RollingOrigin(0), "horizon must be an integer of at least 1; got 0"),
        (lambda: RollingOrigin(None), "horizon must be an integer of at least 1; got None"),
        (lambda: RollingOrigin(True), "horizon must be an integer"),
        (lambda: RollingOrigin(2, stride=1.5), "stride must be an integer of at least 1; got 1.5"),
        (lambda: RollingOrigin(2, gap=-1), "gap must be an integer of at least 0; got -1"),
        (lambda: RollingOrigin(2, n_windows=None), "set initial or window"),
        (lambda: RollingOrigin(2, n_windows=None, initial=1).get_n_splits(), "pass it as X"),
        (lambda: list(RollingOrigin(4).split(Y[:20])), "has 20 steps but RollingOrigin.*needs at least 21"),
        (lambda: list(RollingOrigin(4, n_windows=1, window=19).split(Y[:20])), "needs at least 23"),
    ],
)
def test_rolling_origin_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ------------------------------------------------------------------------------------------- backtest


def test_scores_equal_a_plain_loop():
    cv = RollingOrigin(4, n_windows=3)
    result = backtest(Naive(), MONTHS, cv=cv, metrics=["mase", "mae"], season_length=12)
    expected = []
    for train, test in cv.split(Y):
        pred = Naive().fit(Y[train]).predict(4)
        expected += [mase(Y[test], pred, y_train=Y[train], season_length=12), np.abs(Y[test] - pred).mean()]
    assert result.scores["value"].tolist() == pytest.approx(expected, rel=1e-14)
    assert result.scores["cutoff"].tolist() == [MONTHS.index[i] for i in (47, 47, 51, 51, 55, 55)]
    assert result.summary.loc["Naive", "mase"] == pytest.approx(np.mean(expected[::2]))
    assert result.summary.loc["Naive", ["windows", "failed"]].tolist() == [3, 0]
    forecasts = result.forecasts
    assert list(forecasts) == ["model", "window", "cutoff", "step", "time", "y_true", "y_pred"]
    assert forecasts["time"].tolist() == list(MONTHS.index[48:])
    assert forecasts["step"].tolist() == [1, 2, 3, 4] * 3
    np.testing.assert_array_equal(forecasts["y_true"], Y[48:])
    np.testing.assert_array_equal(forecasts["y_pred"], np.repeat(Y[[47, 51, 55]], 4))
    error = (forecasts["y_pred"] - forecasts["y_true"]).to_numpy().reshape(3, 4)
    np.testing.assert_allclose(result.step_errors["mae"], np.abs(error).mean(axis=0))
    np.testing.assert_allclose(result.step_errors["rmse"], np.sqrt((error**2).mean(axis=0)))
    pd.testing.assert_series_equal(result.history[0], MONTHS, check_freq=False)
    assert result.errors.empty


def test_containers_agree():
    cv = RollingOrigin(3, n_windows=2)
    results = [
        backtest({"naive": Naive()}, y, cv=cv, coverage=0.8)
        for y in (Y, Y.tolist(), MONTHS, MONTHS.to_frame(), MONTHS.to_period("M"), Y[:, None])
    ]
    for other in results[1:]:
        np.testing.assert_array_equal(other.scores["value"], results[0].scores["value"])
        assert list(other.forecasts) == list(results[0].forecasts)
        assert other.forecasts["lower"].tolist() == results[0].forecasts["lower"].tolist()
    assert results[0].forecasts["time"].tolist() == list(range(54, 60))


def test_the_future_is_never_used():
    cv, changed = RollingOrigin(5, n_windows=3), Y.copy()
    changed[50:] += 100.0
    a, b = (backtest(Naive(), y, cv=cv, coverage=0.8) for y in (Y, changed))
    for column in ("y_pred", "lower", "upper"):
        assert a.forecasts[column][:10].tolist() == b.forecasts[column][:10].tolist()
        assert a.forecasts[column][10:].tolist() != b.forecasts[column][10:].tolist()


def test_intervals_are_scored():
    result = backtest([Recorder()], Y, cv=RollingOrigin(3, n_windows=4), metrics="winkler", coverage=0.5)
    f = result.forecasts
    assert list(result.summary)[:3] == ["winkler", "coverage", "width"]
    assert result.summary["width"].item() == pytest.approx(2.0)
    assert result.summary["coverage"].item() == pytest.approx((abs(f["y_true"] - f["y_pred"]) <= 1).mean())
    by_step = result.step_errors["coverage"].to_numpy()
    assert by_step == pytest.approx(
        (abs(f["y_true"] - f["y_pred"]) <= 1).to_numpy().reshape(4, 3).mean(axis=0)
    )
    assert {"interval_seconds"} <= set(result.folds) & set(result.summary)


@pytest.mark.parametrize(("refit", "fits"), [(True, 5), (1, 5), (2, 3), (3, 2), (False, 1)])
def test_refit_policy(refit, fits):
    result = backtest(Recorder(), Y, cv=RollingOrigin(3, n_windows=5), refit=refit)
    kinds = [kind for kind, *_ in Recorder.calls]
    assert (kinds.count("fit"), kinds.count("update"), kinds.count("predict")) == (fits, 5 - fits, 5)
    assert result.folds["refitted"].sum() == fits
    updates = [y for kind, y, _ in Recorder.calls if kind == "update"]
    assert all(len(y) == 3 for y in updates)
    assert result.forecasts["y_pred"].tolist() == np.repeat(Y[[44, 47, 50, 53, 56]], 3).tolist()


def test_exogenous_variables_are_cut_with_the_series():
    X = np.arange(60.0)[:, None] * 1000
    backtest(Recorder(), Y, X, cv=RollingOrigin(3, n_windows=2, gap=2), refit=False)
    assert [kind for kind, *_ in Recorder.calls] == ["fit", "predict", "update", "predict"]
    fit, first, update, second = (x[:, 0] / 1000 for *_, x in Recorder.calls)
    assert fit.tolist() == list(range(52))
    assert update.tolist() == [52, 53, 54]
    assert (first.tolist(), second.tolist()) == ([52, 53, 54, 55, 56], [55, 56, 57, 58, 59])
    assert [call[1].tolist() for call in Recorder.calls if call[0] == "predict"] == [[3, 4, 5]] * 2


def test_a_gap_shifts_the_steps():
    result = backtest(Naive(), MONTHS, cv=RollingOrigin(2, n_windows=1, gap=3))
    assert result.forecasts["step"].tolist() == [4, 5]
    assert result.forecasts["y_pred"].tolist() == [Y[54]] * 2


def test_several_targets():
    both = pd.DataFrame({"a": Y, "b": Y[::-1] * 10}, index=MONTHS.index)
    result = backtest(Naive(), both, cv=RollingOrigin(3, n_windows=2), metrics="mae", coverage=0.8)
    assert result.forecasts["target"].tolist() == ["a", "b"] * 6
    one = [backtest(Naive(), both[c], cv=RollingOrigin(3, n_windows=2), metrics="mae") for c in "ab"]
    expected = np.mean([each.scores["value"].to_numpy() for each in one], axis=0)
    assert result.scores.query("metric == 'mae'")["value"].tolist() == pytest.approx(expected.tolist())


def test_panels_are_cut_series_by_series():
    long = pd.concat(
        [
            pd.DataFrame({"unique_id": name, "ds": MONTHS.index[start:], "y": Y[start:]})
            for name, start in (("x", 0), ("z", 20))
        ]
    )
    cv = RollingOrigin(3, n_windows=2)
    result = backtest(Naive(), long, cv=cv, metrics="mae", coverage=0.8, refit=False)
    assert result.scores["series"].unique().tolist() == ["x", "z"]
    single = backtest(Naive(), Y[20:], cv=cv, metrics="mae", coverage=0.8)
    assert (
        result.scores.query("series == 'z' and metric == 'mae'")["value"].tolist()
        == single.scores.query("metric == 'mae'")["value"].tolist()
    )
    ragged = backtest(Naive(), [Y, Y[20:]], cv=cv, metrics="mae")
    assert ragged.scores["value"].tolist() == result.scores.query("metric == 'mae'")["value"].tolist()


def test_threads_change_nothing_and_the_bar_is_silent_by_default(capfd):
    models = {"one": Recorder(1.0), "half": Recorder(0.5), "naive": Naive()}
    a = backtest(models, Y, cv=RollingOrigin(3))
    before = threading.active_count()
    b = backtest(models, Y, cv=RollingOrigin(3), n_jobs=2)
    assert threading.active_count() <= before + 4
    pd.testing.assert_frame_equal(a.scores, b.scores)
    assert capfd.readouterr().err == ""
    backtest(models, Y, cv=RollingOrigin(3), progress=True)
    assert "backtest" in capfd.readouterr().err


def test_names_order_and_functions_of_your_own():
    models = [Recorder(0.5), Naive(), Recorder(1.0)]
    result = backtest(
        models, Y, cv=RollingOrigin(3), metrics={"worst": lambda y, f: float(np.abs(y - f).max())}
    )
    assert set(result.summary.index) == {"Recorder", "Naive", "Recorder_2"}
    assert result.summary.index[-1] == "Recorder"
    assert result.summary["worst"].is_monotonic_increasing
    high = backtest(models, Y, cv=RollingOrigin(3), metrics="valid_prediction_time").summary
    assert high["valid_prediction_time"].is_monotonic_decreasing
    assert backtest(Naive(), Y, cv=RollingOrigin(3), return_forecasts=False).forecasts is None


def test_coverage_first_orders_by_distance_to_nominal():
    result = backtest(
        [Recorder(0.0), Recorder(1.0)], Y, cv=RollingOrigin(1), metrics="coverage", coverage=0.9
    )
    assert result.summary.index[0] == "Recorder_2"


# -------------------------------------------------------------------------------------------- failures


def test_a_failing_forecaster_is_reported_and_kept():
    cv = RollingOrigin(3, n_windows=3, stride=3)
    result = backtest([Naive(), Broken()], Y, cv=cv, metrics=["mae"])
    assert result.summary.index.tolist() == ["Naive", "Broken"]
    assert result.summary.loc["Broken", ["windows", "failed"]].tolist() == [3, 3]
    ok = backtest([Broken()], Y[:56], cv=cv, metrics=["mae"])
    assert ok.folds["error"].tolist() == ["", "", "ValueError: y is too long for me"]
    assert ok.scores["value"].isna().tolist() == [False, False, True]
    assert np.isnan(ok.summary["mae"].item())
    assert ok.forecasts["y_pred"].isna().sum() == 3
    assert "failed: Broken, window 2: ValueError: y is too long for me" in repr(ok)
    with pytest.raises(ValueError, match="too long"):
        backtest([Broken()], Y, cv=cv, on_error="raise")


def test_a_model_lost_on_the_way_stays_lost():
    class Stuck(Recorder):
        def update(self, y, X=None):
            raise RuntimeError("cannot go on")

    result = backtest(Stuck(), Y, cv=RollingOrigin(3, n_windows=4), refit=False, metrics="mae")
    assert result.folds["error"].tolist() == [
        "",
        "RuntimeError: cannot go on",
        "RuntimeError: the model was lost at window 1",
        "RuntimeError: the model was lost at window 1",
    ]


def test_diverged_and_misshapen_forecasts_are_reported():
    class Short(Recorder):
        def predict(self, horizon, X=None):
            return np.zeros(1)

    result = backtest([Diverging(), Short()], Y, cv=RollingOrigin(3, n_windows=1), metrics=["mae", "smape"])
    errors = result.folds.set_index("model")["error"]
    assert errors["Diverging"].startswith("mae: ValueError: y_pred has 3 NaN or infinite values of 3")
    assert "smape: ValueError" in errors["Diverging"]
    assert errors["Short"] == "ValueError: predict returned shape (1,) where (3, 1) was expected"
    assert np.isinf(result.forecasts["y_pred"][:3]).all()


def test_points_are_scored_where_only_the_interval_fails():
    class NoInterval(Recorder):
        def predict_interval(self, horizon, X=None, coverage=0.9):
            raise ValueError("too short to calibrate")

    result = backtest(NoInterval(), Y, cv=RollingOrigin(3), metrics="mae", coverage=0.9)
    assert result.summary["mae"].notna().all()
    assert result.summary["coverage"].isna().all()
    assert (result.folds["error"] == "ValueError: too short to calibrate").all()


def test_a_metric_that_fails_is_reported():
    flat = np.r_[np.full(40, 5.0), Y[:20]]
    result = backtest(Naive(), flat, cv=RollingOrigin(20, n_windows=1), metrics=["mase", "mae"])
    assert result.folds["error"].item().startswith("mase: ValueError: y_train repeats itself exactly")
    assert result.scores["value"].isna().tolist() == [True, False]
    with pytest.raises(ValueError, match="repeats itself"):
        backtest(Naive(), flat, cv=RollingOrigin(20, n_windows=1), on_error="raise")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metrics": ["crps"]}, ValueError, "metrics has 'crps'; a backtest scores mae, mse"),
        ({"metrics": []}, ValueError, "metrics is empty"),
        ({"metrics": ["coverage"]}, ValueError, r"\['coverage'\], which score intervals; set coverage"),
        (
            {"coverage": 90},
            ValueError,
            r"coverage must be a fraction between 0 and 1 \(0.9, not 90\); got 90",
        ),
        ({"forecasters": []}, ValueError, "forecasters is empty"),
        ({"forecasters": Naive}, TypeError, "must be a forecaster, an object with fit and predict"),
        ({"forecasters": {"lr": 3}}, TypeError, "'lr' must be a forecaster"),
        ({"forecasters": LinearRegression(), "refit": False}, TypeError, "with update, which it lacks"),
        (
            {"refit": 0},
            ValueError,
            "refit must be True, False, an integer of at least 1, or .readout.; got 0",
        ),
        ({"refit": "yes"}, ValueError, "refit must be True, False"),
        ({"on_error": "ignore"}, ValueError, "on_error must be 'report' or 'raise'; got 'ignore'"),
        ({"cv": 5}, TypeError, r"cv must have a split method, such as RollingOrigin\(horizon\); got 5"),
        ({"cv": KFold(3)}, ValueError, "not after the training; use RollingOrigin"),
        ({"cv": KFold(3, shuffle=True)}, ValueError, "positions that are not consecutive"),
        ({"cv": RollingOrigin(3, n_windows=None, initial=59)}, ValueError, "needs at least 62"),
        ({"y": [Y, Y[:20]], "cv": RollingOrigin(3, n_windows=None, initial=9)}, ValueError, "set n_windows"),
        ({"y": [1.0, np.nan]}, ValueError, "y"),
        ({"n_jobs": 0}, ValueError, "n_jobs=0 must be a number of threads"),
        ({"n_jobs": "all"}, ValueError, "n_jobs='all' must be a number of threads"),
    ],
)
def test_arguments_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        backtest(**{"forecasters": Naive(), "y": Y, "cv": RollingOrigin(3), **arguments})


def test_every_metric_that_scores_points_or_intervals_can_be_asked_for():
    names = [name for name, metric in METRICS.items() if metric.forecast in ("point", "interval")]
    result = backtest(Naive(), Y, cv=RollingOrigin(5, n_windows=2), metrics=names, coverage=0.8)
    assert list(result.summary)[: len(names)] == names
    assert result.errors.empty


# --------------------------------------------------------------------------------------- fixed origins


def test_fixed_origins_cut():
    cv = FixedOrigins(3, [10, -7], window=4, gap=2)
    cuts = [(train[0], train[-1] + 1, test[0], test[-1] + 1) for train, test in cv.split(Y)]
    assert cuts == [(6, 10, 12, 15), (49, 53, 55, 58)]
    assert cv.get_n_splits() == 2
    assert backtest(Naive(), MONTHS, cv=cv).scores["cutoff"].tolist()[::2] == [
        MONTHS.index[9],
        MONTHS.index[52],
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FixedOrigins(3, []), r"cutoffs must hold at least one integer and nothing else; got \[\]"),
        (lambda: FixedOrigins(3, [0.5]), r"at least one integer and nothing else; got \[0.5\]"),
        (lambda: FixedOrigins(0, [5]), "horizon must be an integer of at least 1; got 0"),
        (lambda: list(FixedOrigins(3, [30, 20]).split(Y)), r"cutoffs=\[30, 20\] must increase; in 60 steps"),
        (lambda: list(FixedOrigins(3, [58]).split(Y)), "the series has 60 steps but .* ends at 61"),
        (lambda: list(FixedOrigins(3, [5], window=9).split(Y)), "needs training sets of at least 9"),
    ],
)
def test_fixed_origins_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --------------------------------------------------------------------------------------- workers


def test_series_that_are_forecast_alone_are_divided_among_workers():
    rng = np.random.default_rng(9)
    panel = [np.cumsum(rng.normal(size=40)) for _ in range(70)]
    models = [Naive(), EnsembleForecaster([Naive(), Drift()])]
    one, two = (
        backtest(models, panel, cv=RollingOrigin(2, n_windows=3), n_jobs=n, refit=False) for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one.forecasts, two.forecasts)
    pd.testing.assert_frame_equal(one.scores, two.scores)
    assert one.forecasts["series"].tolist()[::2] == [s for _ in range(6) for s in range(70)]
    assert len(one.folds) == 6


@pytest.fixture
def _cluster(request):
    """Workers of dask in this process, where that backend is asked for."""
    if request.param != "dask":
        yield
        return
    distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as workers,
        distributed.Client(workers),
    ):
        warnings.simplefilter("ignore")  # what the scheduler says of itself
        yield


@pytest.mark.parametrize(
    ("_cluster", "backend"), [(name, name) for name in ("threading", "loky", "dask")], indirect=["_cluster"]
)
@pytest.mark.usefixtures("_cluster")
def test_any_backend_of_joblib(backend):
    with parallel_config(backend=backend, n_jobs=2):
        elsewhere = backtest([Naive(), Drift()], Y, cv=RollingOrigin(3), coverage=0.5)
    here = backtest([Naive(), Drift()], Y, cv=RollingOrigin(3), coverage=0.5)
    assert elsewhere.errors.empty
    pd.testing.assert_frame_equal(elsewhere.forecasts, here.forecasts)
    pd.testing.assert_frame_equal(elsewhere.scores, here.scores)


def test_columns_of_several_levels():
    columns = pd.MultiIndex.from_tuples([("a", "low"), ("a", "high"), ("b", "low")])
    index = pd.date_range("2024-01-01", periods=30)
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), index, columns)
    interval = Naive().fit(y).predict_interval(2, coverage=0.5)
    pd.testing.assert_index_equal(interval["lower"].columns, columns)
    result = backtest(Naive(), y, cv=RollingOrigin(2, n_windows=2), metrics="mae", coverage=0.5)
    assert result.forecasts["target"].tolist() == list(columns) * 4
    assert not len(result.errors)


def test_windows_left_out_of_a_short_series_are_counted():
    cv = LeaveWindowOut(2, n_windows=5)
    for n_steps in (5, 20):
        assert cv.get_n_splits(range(n_steps)) == len(list(cv.split(range(n_steps))))
    assert cv.get_n_splits() == 5


def test_baselines_beside_forecasters_that_use_exogenous_variables():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    y = X[:, 0] * 3 + rng.normal(size=60)
    cv = RollingOrigin(4, n_windows=3)
    models = {"ridge": RecursiveForecaster(lags=2), "naive": Naive()}
    result = backtest(models, y, X, cv=cv, metrics="mae", coverage=0.5)
    assert not len(result.errors)
    for name, exog in (("ridge", X), ("naive", None)):
        alone = backtest(models[name], y, exog, cv=cv, metrics="mae", coverage=0.5)
        assert result.summary.loc[name, "mae"] == alone.summary["mae"].item()
    assert "does not use exogenous variables" in backtest(Naive(), y, X, cv=cv).errors["error"].iloc[0]


def test_a_metric_is_a_number():
    metrics = {"errors": lambda true, pred: np.abs(true - pred), "nothing": lambda true, pred: None}
    result = backtest(Naive(), np.arange(20.0), cv=RollingOrigin(2, n_windows=2), metrics=metrics)
    assert result.summary["failed"].item() == 2
    assert all(
        "errors: TypeError" in error and "nothing: TypeError" in error for error in result.errors["error"]
    )
    with pytest.raises(ValueError, match=r"season_length must be an integer of at least 1; got 7\.0"):
        backtest(Naive(), np.arange(20.0), cv=RollingOrigin(2), season_length=7.0)
    with pytest.raises(ValueError, match="cutoffs must hold at least one integer and nothing else; got 5"):
        FixedOrigins(3, 5)


@pytest.mark.parametrize("cv", [RollingOrigin(2), FixedOrigins(2, [-2]), LeaveWindowOut(2)], ids=repr)
def test_the_rows_of_a_long_frame_are_no_steps(cv):
    index = pd.date_range("2024-01-01", periods=20)
    long = pd.concat([pd.DataFrame({"unique_id": k, "ds": index, "y": np.arange(20.0)}) for k in "ab"])
    with pytest.raises(ValueError, match=r"the series is a long frame, .*use backtest or tune"):
        list(cv.split(long))
    assert len(backtest(Naive(), long, cv=RollingOrigin(2)).errors) == 0
