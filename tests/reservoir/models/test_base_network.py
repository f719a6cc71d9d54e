"""`groups` through scikit-learn's metadata routing: folds of whole series, restarted where they should be."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy.signal import lfilter
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reservoir import EchoState, ESNClassifier, ESNRegressor


@pytest.fixture(autouse=True)
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def stacked(n_series=6, n_steps=40):
    """Series that start afresh: what a network remembers of the one before misleads it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_series, n_steps, 1))
    y = lfilter([1.0], [1.0, -0.8], X[:, :, 0], axis=1)
    return X.reshape(-1, 1), y.ravel(), np.repeat(np.arange(n_series), n_steps)


def routed(estimator):
    return (
        estimator.set_fit_request(groups=True).set_predict_request(groups=True).set_score_request(groups=True)
    )


def test_groups_reach_fit_and_score_in_a_cross_validation():
    X, y, groups = stacked()
    model = routed(ESNRegressor(EchoState(20, random_state=0), washout=3))
    cv = GroupKFold(3)
    found = cross_validate(model, X, y, cv=cv, params={"groups": groups}, error_score="raise")["test_score"]
    expected = []
    for train, test in cv.split(X, y, groups):
        fitted = clone(model).fit(X[train], y[train], groups=groups[train])
        expected.append(r2_score(y[test], fitted.predict(X[test], groups=groups[test])))
    assert_allclose(found, expected, rtol=1e-12)
    carried = [
        ESNRegressor(EchoState(20, random_state=0), washout=3).fit(X[a], y[a]).score(X[b], y[b])
        for a, b in cv.split(X, y, groups)
    ]
    assert np.abs(np.array(carried) - expected).min() > 1e-3, "groups must matter in this example"


def test_groups_through_a_pipeline_in_a_search():
    X, y, groups = stacked()
    pipeline = make_pipeline(StandardScaler(), routed(ESNRegressor(EchoState(10, random_state=0))))
    grid = {"esnregressor__reservoir__spectral_radius": [0.5, 0.9]}
    search = GridSearchCV(pipeline, grid, cv=GroupKFold(2), error_score="raise").fit(X, y, groups=groups)
    assert search.best_score_ > 0.5


def test_weights_and_groups_of_score():
    X, y, groups = stacked()
    model = ESNRegressor(EchoState(10, random_state=0)).fit(X, y, groups=groups)
    weights = np.linspace(0.0, 1.0, len(y))
    expected = r2_score(y, model.predict(X, groups=groups), sample_weight=weights)
    assert model.score(X, y, sample_weight=weights, groups=groups) == expected
    series = [X[groups == k] for k in range(6)]
    assert_allclose(model.score(series, [y[groups == k] for k in range(6)]), model.score(X, y, groups=groups))


def test_a_classifier():
    X, y, groups = stacked()
    labels = np.where(y > 0, "up", "down")
    model = routed(ESNClassifier(EchoState(20, random_state=0)))
    found = cross_validate(model, X, labels, cv=GroupKFold(3), params={"groups": groups}, error_score="raise")
    assert (found["test_score"] > 0.7).all()
    fitted = model.fit(X, labels, groups=groups)
    assert fitted.score(X, labels, groups=groups) == (fitted.predict(X, groups=groups) == labels).mean()
    ends = labels[39::40]
    pooled = ESNClassifier(EchoState(20, random_state=0), pooling="last").fit(
        X, np.repeat(ends, 40), groups=groups
    )
    assert pooled.score(X, ends, groups=groups) == pooled.score(X, np.repeat(ends, 40), groups=groups) == 1
