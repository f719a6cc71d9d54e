"""ESNRegressor and ESNClassifier: streamed fit, state, feedback, many series, any readout."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit, cross_validate
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVR

from reservoir import (
    NVAR,
    ConceptorMemory,
    EchoState,
    ESNClassifier,
    ESNRegressor,
    ForceGenerator,
    LeakyUnits,
    ParallelReservoirs,
    RecursiveLeastSquares,
    RidgeReadout,
    WindowESNRegressor,
)
from reservoir.contracts.series_layout import stack
from reservoir.models.closed_loop import is_linear
from reservoir.models.harvest import CHUNK_ROWS, harvest

N_LONG = 2 * CHUNK_ROWS + 77  # several pieces, the last one short


def task(n_steps=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_steps, 1))
    y = np.zeros(n_steps)
    y[2:] = X[2:, 0] * X[:-2, 0] + 0.5 * X[1:-1, 0]
    return X, y


def many(seed=0):
    lengths = np.random.default_rng(seed).integers(5, 300, 40)
    pairs = [task(int(n), seed=i) for i, n in enumerate(lengths)]
    return [X for X, _ in pairs], [y for _, y in pairs]


@pytest.mark.parametrize(
    "reservoir", [EchoState(25, random_state=0), LeakyUnits(EchoState(25), random_state=0)]
)
def test_harvest_in_pieces_is_the_whole(reservoir):
    X, _ = task(N_LONG)
    reservoir.fit(X)
    state = np.zeros((1, reservoir.state_size_))
    pieces = [states for _, _, states in harvest(reservoir, X, stack(X)[1], state)]
    whole, final = reservoir.transform(X, return_state=True)
    assert len(pieces) == 3
    np.testing.assert_allclose(np.vstack(pieces), whole, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(state[0], final)


def test_harvest_of_many_series_covers_every_row_once():
    series, _ = many()
    rows, layout = stack(series)
    reservoir = EchoState(15, random_state=0).fit(rows)
    state = np.zeros((len(series), 15))
    places = np.arange(len(rows)) - np.repeat(layout.starts, layout.lengths)
    gathered, seen = np.full((len(rows), 15), np.nan), np.zeros(len(rows), int)
    for index, position, states in harvest(reservoir, rows, layout, state):
        gathered[index] = states
        seen[index] += 1
        np.testing.assert_array_equal(position, places[index])
    assert (seen == 1).all()
    expected, final = reservoir.transform(series, return_state=True)
    np.testing.assert_allclose(gathered, np.concatenate(expected), rtol=0, atol=1e-14)
    np.testing.assert_allclose(state, final, rtol=0, atol=1e-14)


@pytest.mark.parametrize("solver", ["svd", "sums"])
def test_streamed_fit_equals_ridge_on_all_states(solver):
    X, y = task(N_LONG)
    model = ESNRegressor(
        EchoState(30, random_state=0), RidgeReadout(alpha=1e-3, solver=solver), washout=50
    ).fit(X, y)
    states = EchoState(30, random_state=0).fit(X).transform(X)
    ridge = Ridge(1e-3, solver="svd").fit(states[50:], y[50:])
    np.testing.assert_allclose(model.readout_.coef_, ridge.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.fitted_values_, ridge.predict(states), rtol=0, atol=1e-8)


def test_many_series_in_every_form_give_one_model():
    Xs, ys = many()
    groups = np.repeat(np.arange(len(Xs)), [len(X) for X in Xs])
    as_list = ESNRegressor(EchoState(20, random_state=0), washout=10).fit(Xs, ys)
    stacked = clone(as_list).fit(np.concatenate(Xs), np.concatenate(ys), groups=groups)
    np.testing.assert_array_equal(stacked.readout_.coef_, as_list.readout_.coef_)
    states = [EchoState(20, random_state=0).fit(X).transform(X) for X in Xs]
    kept = [min(10, len(X) // 2) for X in Xs]
    ridge = Ridge(as_list.readout_.alpha, solver="svd").fit(
        np.vstack([s[k:] for s, k in zip(states, kept)]), np.concatenate([y[k:] for y, k in zip(ys, kept)])
    )
    np.testing.assert_allclose(as_list.readout_.coef_, ridge.coef_, rtol=1e-4, atol=1e-6)
    predicted = as_list.predict(Xs)
    assert [len(p) for p in predicted] == [len(X) for X in Xs]
    np.testing.assert_allclose(
        np.concatenate(predicted), stacked.predict(np.concatenate(Xs), groups), atol=1e-12
    )
    np.testing.assert_allclose(np.concatenate(as_list.fitted_values_), np.concatenate(predicted), atol=1e-12)


def test_predict_goes_on_from_training_and_changes_nothing():
    X, y = task()
    model = ESNRegressor(EchoState(50, random_state=0), washout=20).fit(X[:300], y[:300])
    first = model.predict(X[300:])
    np.testing.assert_array_equal(model.predict(X[300:]), first)
    whole = clone(model).set_params(predict_state="zero").fit(X[:300], y[:300]).predict(X)
    np.testing.assert_allclose(first, whole[300:], rtol=0, atol=1e-12)
    middle, state = model.predict(X[300:330], return_state=True)
    rest = model.predict(X[330:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([middle, rest]), first, rtol=0, atol=1e-12)
    at_rest = model.predict(X[300:], initial_state=np.zeros(50))
    assert np.abs(at_rest - first)[0] > 1e-4


def test_feedback_generates_and_true_feedback_equals_prediction():
    t = np.arange(800.0)
    y = np.sin(0.2 * t) * np.cos(0.031 * t)
    X = np.zeros((800, 1))
    reservoir = EchoState(100, spectral_radius=0.8, input_scaling=0.5, random_state=0)
    model = ESNRegressor(reservoir, RidgeReadout(alpha=1e-10), feedback_scaling=1.0, washout=50)
    model.fit(X[:600], y[:600])
    np.testing.assert_allclose(model.predict(X[600:700]), y[600:700], rtol=0, atol=0.02)
    part, state = model.predict(X[600:640], return_state=True)
    rest = model.predict(X[640:700], initial_state=state)
    np.testing.assert_allclose(np.concatenate([part, rest]), model.predict(X[600:700]), rtol=0, atol=1e-9)
    assert np.abs(model.fitted_values_[100:] - y[100:600]).max() < 1e-4  # teacher forcing


def test_feedback_with_any_readout():
    """One that hides its coefficients runs as the linear one does; one that has none runs too."""
    X, y = task()
    for input_skip in (False, True):
        options = {"feedback_scaling": 0.5, "input_skip": input_skip}
        linear = ESNRegressor(EchoState(20, random_state=0), Ridge(1e-3), **options).fit(X, y)
        hidden = ESNRegressor(EchoState(20, random_state=0), make_pipeline(Ridge(1e-3)), **options).fit(X, y)
        np.testing.assert_allclose(hidden.predict(X), linear.predict(X), rtol=0, atol=1e-10)
        both = [X[:50], X[50:90]]
        for ours, theirs in zip(hidden.predict(both), linear.predict(both)):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    neighbours = ESNRegressor(EchoState(20, random_state=0), KNeighborsRegressor(), feedback_scaling=0.5)
    assert neighbours.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.3
    with pytest.raises(
        ValueError, match="is not linear: a closed loop and its linearisation need predictions that"
    ):
        neighbours.closed_loop()


@pytest.mark.parametrize(
    ("readout", "linear"),
    [
        (PoissonRegressor(alpha=1e-3, max_iter=1000), False),
        (PLSRegression(5), False),
        (LinearSVR(max_iter=100_000, random_state=0), True),
        (SGDRegressor(random_state=0), True),
        (RecursiveLeastSquares(), True),
    ],
)
def test_coefficients_alone_make_no_readout_linear(readout, linear):
    """An exponential around them, or means taken off, would be left out of the free run."""
    X, y = task(200)
    y = np.exp(y)
    model = ESNRegressor(EchoState(20, random_state=0), readout, feedback_scaling=0.3).fit(X, y)
    assert is_linear(model.readout_) == linear
    state, said, expected = np.zeros(20), 0.0, []
    for row in X[:30]:
        seen = np.append(0.3 * said, row)[np.newaxis]
        states, state = model.reservoir_.transform(seen, initial_state=state, return_state=True)
        said = float(np.ravel(model.readout_.predict(states))[0])
        expected.append(said)
    np.testing.assert_allclose(model.predict(X[:30], initial_state=np.zeros(21)), expected, rtol=0, atol=1e-9)


def test_a_diverging_feedback_loop_says_so():
    X, y = task()
    reservoir = EchoState(20, activation="identity", random_state=0)
    model = ESNRegressor(reservoir, RidgeReadout(alpha=1.0), feedback_scaling=1.0).fit(X, y)
    model.readout_.coef_ *= 1e3
    with pytest.raises(ValueError, match=r"diverged at step \d+ of series 0: lower feedback_scaling"):
        model.predict(X)


@pytest.mark.parametrize(
    "readout",
    [Ridge(1e-3), LinearRegression(), KNeighborsRegressor(), RandomForestRegressor(10, random_state=0)],
)
def test_any_regressor(readout):
    X, y = task()
    model = ESNRegressor(EchoState(20, random_state=0), readout, washout=20).fit(X, y)
    states = EchoState(20, random_state=0).fit(X).transform(X)
    expected = clone(readout).fit(states[20:], y[20:]).predict(states)
    np.testing.assert_allclose(model.fitted_values_, expected, rtol=0, atol=1e-8)
    column = model.fit(X, y[:, np.newaxis])  # one target in two dimensions comes back in two
    np.testing.assert_allclose(column.fitted_values_, expected[:, np.newaxis], rtol=0, atol=1e-8)
    assert column.predict(X).shape == (400, 1)


def test_input_skip_multioutput_and_float32():
    X, y = task()
    targets = np.column_stack([y, X[:, 0]])
    model = ESNRegressor(EchoState(20, random_state=0), input_skip=True).fit(X, targets)
    assert model.readout_.coef_.shape == (2, 21)
    np.testing.assert_allclose(model.predict(X)[:, 1], X[:, 0], rtol=0, atol=1e-6)
    single = clone(model).fit(X.astype(np.float32), targets.astype(np.float32))
    np.testing.assert_allclose(single.predict(X.astype(np.float32)), model.predict(X), rtol=0, atol=0.02)


def test_washout_is_clipped_on_short_series_and_counts():
    X, y = task(20)
    model = ESNRegressor(EchoState(5, random_state=0), washout=1000).fit(X, y)
    states = EchoState(5, random_state=0).fit(X).transform(X)
    expected = Ridge(model.readout_.alpha, solver="svd").fit(states[10:], y[10:])
    np.testing.assert_allclose(model.readout_.coef_, expected.coef_, rtol=1e-5)


def test_random_state_seeds_the_open_parts_only():
    X, y = task()
    seeded = ESNRegressor(EchoState(20), random_state=1)
    np.testing.assert_array_equal(seeded.fit(X, y).predict(X), clone(seeded).fit(X, y).predict(X))
    own = ESNRegressor(EchoState(20, random_state=0), random_state=1).fit(X, y)
    np.testing.assert_array_equal(
        own.reservoir_.input_weights_, EchoState(20, random_state=0).fit(X).input_weights_
    )


def test_model_selection_of_scikit_learn():
    X, y = task()
    model = ESNRegressor(EchoState(30, random_state=0), washout=20)
    grid = {"reservoir__spectral_radius": [0.3, 0.9], "readout": [RidgeReadout(alpha=1e-6), Ridge()]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3, test_size=50), n_jobs=2).fit(X, y)
    assert search.best_score_ > 0.5
    scores = cross_validate(model, X, y, cv=TimeSeriesSplit(3), return_train_score=True)
    assert (scores["test_score"] > 0).all()
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(copy.predict(X), search.best_estimator_.predict(X))


@pytest.mark.parametrize("estimator", [ESNRegressor(), ESNClassifier(), LeakyUnits()])
def test_parameters_of_parts_that_were_left_to_the_default(estimator):
    model = clone(estimator).set_params(reservoir__n_units=7)
    assert isinstance(model.reservoir, EchoState)
    assert model.get_params()["reservoir__n_units"] == 7
    with pytest.raises(ValueError, match="n_nits"):
        clone(estimator).set_params(reservoir__n_nits=7)


def test_groups_are_routed():
    from sklearn import config_context

    Xs, ys = many()
    groups = np.repeat(np.arange(len(Xs)), [len(X) for X in Xs])
    with config_context(enable_metadata_routing=True):
        model = ESNRegressor(EchoState(20, random_state=0), washout=5)
        model.set_fit_request(groups=True).set_score_request(groups=True)
        scores = cross_validate(
            model, np.concatenate(Xs), np.concatenate(ys), cv=GroupKFold(4), params={"groups": groups}
        )
    assert scores["test_score"].shape == (4,)


def waves(n_series, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n_series)
    series = []
    for label in labels:
        t = np.arange(rng.integers(25, 60))[:, np.newaxis]
        wave = np.sin((0.2 + 0.1 * label) * t + rng.uniform(0, 6))
        series.append(2 * label + wave + 0.1 * rng.standard_normal(t.shape))
    return series, np.array(["slow", "medium", "fast"])[labels]


@pytest.mark.parametrize("pooling", ["last", "mean", "mean_last", "segments"])
@pytest.mark.parametrize("readout", [None, LogisticRegression(C=100, max_iter=2000)])
def test_one_label_per_series(pooling, readout):
    series, labels = waves(150)
    model = ESNClassifier(EchoState(60, random_state=0), readout, pooling=pooling, washout=5)
    model.fit(series[:100], labels[:100])
    # A linear readout of the last state alone meets every phase of the waves; chance is 0.36.
    assert model.score(series[100:], labels[100:]) > (0.75 if pooling == "last" else 0.9)
    assert model.decision_function(series[:4]).shape == (4, 3)
    assert set(model.classes_) == {"slow", "medium", "fast"}


def test_pooled_states_are_what_they_say():
    series, labels = waves(30)
    model = ESNClassifier(EchoState(10, random_state=0), pooling="segments", n_segments=2, washout=3)
    model.fit(series, labels)
    states = EchoState(10, random_state=0).fit(series).transform(series)
    rows, layout = stack(series)
    pooled = model._pooled(rows, layout)
    for s, row in zip(states, pooled):
        kept = s[3:]
        part = np.arange(len(kept)) * 2 // len(kept)
        np.testing.assert_allclose(
            row, np.concatenate([kept[part == k].mean(axis=0) for k in (0, 1)]), atol=1e-13
        )
    last = model.set_params(pooling="last")._pooled(rows, layout)
    np.testing.assert_allclose(last, [s[-1] for s in states], rtol=0, atol=1e-14)
    both = model.set_params(pooling="mean_last")._pooled(rows, layout)
    np.testing.assert_allclose(both, [[*s[3:].mean(axis=0), *s[-1]] for s in states], rtol=0, atol=1e-13)


def test_label_per_step():
    X = np.sin(np.concatenate([0.2 * np.arange(200), 0.9 * np.arange(200)]))[:, np.newaxis]
    y = np.repeat(["slow", "fast"], 200)
    model = ESNClassifier(EchoState(50, random_state=0), washout=10).fit(X, y)
    assert model.score(X, y) > 0.95
    labels = model.fit([X, X], [y, y]).predict([X, X[:30]])
    assert [len(part) for part in labels] == [400, 30]


def test_errors_of_labels():
    series, labels = waves(10)
    model = ESNClassifier(EchoState(10), pooling="mean")
    with pytest.raises(ValueError, match="3 labels for 10 series"):
        model.fit(series, labels[:3])
    with pytest.raises(
        ValueError, match="one label for each of the 10 series, pooling=None labels every row"
    ):
        ESNClassifier(EchoState(10)).fit(series, labels)
    with pytest.raises(ValueError, match="one class, 'a':"):
        model.fit(series, ["a"] * 10)
    rows = np.concatenate(series)
    groups = np.repeat(np.arange(10), [len(s) for s in series])
    with pytest.raises(ValueError, match="the rows of group 0 do not stand together"):
        model.fit(rows, groups % 2, groups=groups % 2)
    with pytest.raises(ValueError, match="changes within a series"):
        model.fit(rows, np.arange(len(rows)) % 2, groups=groups)
    with pytest.raises(ValueError, match="y has series of"):
        ESNRegressor(EchoState(5)).fit(series, [np.zeros(3)] * 10)


@pytest.mark.parametrize("readout", [None, Ridge()])
def test_states_that_grow_beyond_all_numbers_are_named_not_the_users_data(readout):
    X = np.random.default_rng(0).standard_normal((400, 1))
    linear = EchoState(20, activation="identity", spectral_radius=50, random_state=0)
    with pytest.raises(
        ValueError, match=r"the states of EchoState.*grew beyond all numbers.*lower spectral_radius"
    ):
        ESNRegressor(linear, readout).fit(X, X[:, 0])


def test_frames_in_a_list_go_by_their_columns():
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((40, 2)), columns=["a", "b"])
    turned, y = frame[["b", "a"]], [frame["a"], frame["b"]]
    model = ESNRegressor(EchoState(10, random_state=0)).fit([frame, frame], y)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert [len(part) for part in model.predict([frame[:9], frame])] == [9, 40]
    with pytest.raises(
        ValueError, match=r"series 1 of X has the columns \['b', 'a'\], series 0 has \['a', 'b'\]"
    ):
        model.fit([frame, turned], y)
    with pytest.raises(ValueError, match="same order"):
        model.predict([turned, turned])


def test_one_dimensional_series_of_several_lengths_are_refused():
    with pytest.raises(ValueError, match=r"one-dimensional series of \[3, 5\] steps: give each the shape"):
        stack([np.zeros(3), np.zeros(5)])


@pytest.mark.parametrize(
    "flat", [[np.zeros(4), np.ones(4)], [pd.Series(np.zeros(4))], (np.zeros(4), np.ones(4))]
)
def test_rows_and_series_of_one_feature_are_not_mixed_up(flat):
    """What is a panel in `forecasting` would be two rows of four features."""
    words = rf"X is a list of {len(flat)} one-dimensional arrays of 4 numbers, rows or series of one feature"
    with pytest.raises(ValueError, match=words):
        stack(flat)
    rows, layout = stack(np.array(flat))
    assert rows.shape == (len(flat), 4)
    assert layout.is_single
    assert stack([[0.0, 1.0], [2.0, 3.0]])[0].shape == (2, 2)  # as scikit-learn reads lists of numbers
    assert stack([np.reshape(one, (-1, 1)) for one in flat])[1].lengths.tolist() == [4] * len(flat)


def test_masked_values_are_no_numbers():
    X = np.ma.masked_greater(np.random.default_rng(0).standard_normal((40, 2)), 1.0)
    with pytest.raises(ValueError, match="X holds masked values: fill them in"):
        EchoState(5).fit(X)
    with pytest.raises(ValueError, match="X holds masked values"):
        ESNRegressor(EchoState(5)).fit([X.data, X], [X.data, X.data])
    with pytest.raises(ValueError, match="y holds masked values"):
        ESNRegressor(EchoState(5)).fit(X.data, X)
    with pytest.raises(ValueError, match="X holds masked values"):
        ForceGenerator(EchoState(5)).fit(X)
    with pytest.raises(ValueError, match="y holds masked values"):
        WindowESNRegressor(reservoir=EchoState(5)).fit(X.data, X[:, 0])
    assert (
        ESNRegressor(EchoState(5)).fit(np.ma.array(X.data), X.data).n_features_in_ == 2
    )  # nothing is masked


@pytest.mark.parametrize(
    "reservoir",
    [
        EchoState(20, noise=0.2, random_state=0),
        LeakyUnits(EchoState(20, noise=0.2, random_state=0), random_state=0),
        ParallelReservoirs([EchoState(8, random_state=0), EchoState(8, noise=0.2, random_state=1)]),
    ],
)
def test_the_state_after_training_is_without_noise(reservoir):
    """A forecast that begins at the end of training begins where one from a context does."""
    X, y = task()
    model = ESNRegressor(reservoir).fit([X, X[:30]], [y, y[:30]])
    ends = model.reservoir_.transform([X, X[:30]], return_state=True)[1]
    np.testing.assert_allclose(model.final_state_, ends, rtol=0, atol=1e-12)
    assert model.reservoir_.draws_noise
    assert not LeakyUnits(EchoState(5)).fit(X).draws_noise


def test_labels_of_series_are_checked_like_those_of_rows():
    series = [np.random.default_rng(i).standard_normal((9, 2)) for i in range(4)]
    model = ESNClassifier(EchoState(10, random_state=0), pooling="mean")
    with pytest.raises(ValueError, match="y should be a 1d array"):
        model.fit(series, np.eye(4)[:, :2])
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(series, None)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        model.fit(series, [0.0, 1.0, np.nan, 1.0])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model.fit(series, np.array([["a"], ["b"], ["a"], ["b"]]))
    assert model.predict(series).shape == (4,)


def test_classes_are_those_that_are_learned():
    X, _ = task(60)
    labels = np.repeat(["a", "b", "c"], [10, 25, 25])
    for readout in (LogisticRegression(), RidgeReadout(1e-3)):
        model = ESNClassifier(EchoState(10, random_state=0), readout, washout=10).fit(X, labels)
        assert model.classes_.tolist() == ["b", "c"]
        assert set(model.predict(X)) <= {"b", "c"}
        assert model.decision_function(X).shape == (60,)
    with pytest.raises(
        ValueError, match="y has one class, 'c' in the rows after washout=35: a classifier needs"
    ):
        ESNClassifier(EchoState(10), washout=35).fit(np.vstack([X, X]), np.repeat(["b", "c"], [35, 85]))


def test_probabilities_are_those_of_the_readout():
    X, y = task(80)
    labels = np.where(y > 0, "up", "down")
    model = ESNClassifier(EchoState(10, random_state=0), LogisticRegression()).fit(X, labels)
    states = model.reservoir_.transform(X)
    np.testing.assert_array_equal(model.predict_proba(X), model.readout_.predict_proba(states))
    first, second = model.predict_proba([X[:30], X[30:]])
    assert (len(first), second.shape) == (30, (50, 2))
    pooled = ESNClassifier(EchoState(10, random_state=0), LogisticRegression(), pooling="last")
    assert pooled.fit([X[:40], X[40:]], ["a", "b"]).predict_proba([X]).sum() == pytest.approx(1.0)
    assert not hasattr(ESNClassifier(), "predict_proba")  # ridge regression has none


def test_whoever_learns_from_states_says_that_they_grew_beyond_all_numbers():
    X = np.random.default_rng(0).standard_normal((400, 2))
    linear = EchoState(20, activation="identity", spectral_radius=1e9, random_state=0)
    for learn in (
        lambda: ESNRegressor(NVAR(degree=3)).fit(1e200 * X, X),  # whose carried inputs are finite
        lambda: ESNClassifier(linear, pooling="mean").fit([X, -X], [0, 1]),
        lambda: WindowESNRegressor(reservoir=linear).fit(X.reshape(8, 100), np.arange(8.0)),
        lambda: ConceptorMemory(linear).fit(X),
    ):
        with pytest.raises(ValueError, match=r"(?s)the states of .* grew beyond all numbers"):
            learn()
