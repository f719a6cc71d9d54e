"""Checks of a forecaster as an estimator: parameters, purity, copies, randomness, model selection."""

import copy
import io
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_validate
from sklearn.utils import estimator_checks
from threadpoolctl import threadpool_limits

from forecasting.checks.examples import (
    N_AHEAD,
    assert_raises,
    assert_same,
    example_series,
    fitted,
    with_exog,
)
from forecasting.intervals.conformal import reproducible_clone
from reservoir.contracts.persistence import load, save

# Those of scikit-learn's checks that do not call fit with a matrix first.
SKLEARN_CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_mixin_order",
)


def check_sklearn_rules(forecaster: Any) -> None:
    """scikit-learn's own checks of constructor, parameters, representation and tags pass."""
    for name in SKLEARN_CHECKS:
        getattr(estimator_checks, name)(type(forecaster).__name__, clone(forecaster))
    assert forecaster.__sklearn_tags__().estimator_type == "forecaster"


def check_fit_returns_self(forecaster: Any) -> None:
    """`fit` and `update` return the estimator, and `fit` leaves its parameters as they were given."""
    for y, X, X_ahead in with_exog(forecaster):
        model = reproducible_clone(forecaster)
        before = joblib.hash(model.get_params())
        assert model.fit(y, X) is model, "fit must return self"
        assert joblib.hash(model.get_params()) == before, "fit must not change parameters"
        assert model.update(y[-3:], None if X is None else X_ahead[:3]) is model, "update must return self"
        own = [name for name in vars(model) if not name.endswith("_") and not name.startswith("_")]
        assert set(own) <= set(model.get_params(deep=False)), f"learned names must end in '_': {own}"


def check_not_fitted(forecaster: Any) -> None:
    """Before `fit` everything else raises ``NotFittedError``."""
    y = example_series()
    model = clone(forecaster)
    calls = (model.predict, model.predict_interval, model.predict_quantiles, model.sample)
    for call in calls:
        assert_raises(NotFittedError, "not fitted", f"{call.__name__} before fit", call, 3)
    for call in (model.update, model.score):
        assert_raises(NotFittedError, "not fitted", f"{call.__name__} before fit", call, y)


def check_unknown_keywords(forecaster: Any) -> None:
    """A misspelt parameter is an error."""
    assert_raises(TypeError, "argument", "constructor", type(forecaster), no_such_parameter=1)
    assert_raises(
        ValueError, "no_such_parameter", "set_params", clone(forecaster).set_params, no_such_parameter=1
    )


def check_parameters_are_validated(forecaster: Any) -> None:
    """`fit` refuses values of the wrong kind, naming the parameter."""
    y = example_series()
    constraints = type(forecaster)._parameter_constraints
    for name in forecaster.get_params(deep=False):
        assert name in constraints, f"{name} has no entry in _parameter_constraints"
        if constraints[name] != "no_validation":
            model = clone(forecaster).set_params(**{name: object()})
            assert_raises(ValueError, f"{name!r} parameter", f"{name} of a wrong kind", model.fit, y)


def check_predict_is_pure(forecaster: Any) -> None:
    """Nothing but `fit` and `update` changes the estimator, and the same call gives the same answer."""
    for y, X, X_ahead in with_exog(forecaster):
        model = fitted(forecaster, y, X)
        before = joblib.hash(vars(model))
        calls = {
            "predict": (model.predict, N_AHEAD, X_ahead),
            "predict_interval": (model.predict_interval, N_AHEAD, X_ahead, 0.5),
            "predict_quantiles": (model.predict_quantiles, N_AHEAD, X_ahead, (0.4, 0.5, 0.6)),
            "sample": (model.sample, N_AHEAD, 3, X_ahead, 0),
            "score": (model.score, y[-N_AHEAD:], X_ahead),
        }
        for name, (call, *arguments) in calls.items():
            assert_same(call(*arguments), call(*arguments), f"{name} twice must give the same")
            assert joblib.hash(vars(model)) == before, f"{name} must not change the estimator"


def check_copies(forecaster: Any) -> None:
    """A clone refitted, a pickle, a deep copy and a file saved without pickle forecast bit-equally."""
    for y, X, X_ahead in with_exog(forecaster):
        model = fitted(forecaster, y, X)
        expected = model.predict(N_AHEAD, X_ahead)
        file = io.BytesIO()
        own_package = [type(model).__module__.partition(".")[0]]  # of somebody else, perhaps
        save(model, file, trusted=own_package)
        file.seek(0)
        copies = {
            "clone": clone(model).fit(y, X),
            "pickle": pickle.loads(pickle.dumps(model)),
            "deepcopy": copy.deepcopy(model),
            "save and load": load(file, trusted=own_package),
        }
        for name, other in copies.items():
            assert_same(other.predict(N_AHEAD, X_ahead), expected, f"{name} must forecast the same")
            other.update(y[-2:], None if X is None else X_ahead[:2])
        assert_same(model.predict(N_AHEAD, X_ahead), expected, "updating a copy must not touch the original")


def _classes_beside(forecaster: Any) -> list[str]:
    """Return the full names of the classes in a forecaster's module; the library's own need no mention."""
    module = type(forecaster).__module__
    if module.partition(".")[0] in ("forecasting", "reservoir"):
        return []
    classes = (value for value in vars(sys.modules[module]).values() if isinstance(value, type))
    return [f"{module}.{one.__name__}" for one in classes if one.__module__ == module]


def check_refit_forgets(forecaster: Any) -> None:
    """`fit` starts from nothing."""
    for y, X, X_ahead in with_exog(forecaster):
        model = fitted(forecaster, np.cumsum(y[::-1])[:-5], None if X is None else X[:-5])
        model.update(y[:3], None if X is None else X[:3]).fit(y, X)
        expected = fitted(forecaster, y, X).predict(N_AHEAD, X_ahead)
        assert_same(model.predict(N_AHEAD, X_ahead), expected, "a second fit must forget the first")


def check_random_numbers(forecaster: Any) -> None:
    """The global random state is neither read nor moved; `random_state` decides everything."""
    y = example_series()
    world = np.random.mtrand._rand  # NumPy's global generator
    saved, answers = world.get_state(), []
    try:
        for seed in (1, 2):
            world.seed(seed)
            before = joblib.hash(world.get_state())
            model = fitted(forecaster, y)
            interval = model.predict_interval(4, coverage=0.5)
            answers.append([model.predict(4), interval, model.sample(4, 3, random_state=5)])
            assert joblib.hash(world.get_state()) == before, "the global random state must not be touched"
    finally:
        world.set_state(saved)
    assert_same(answers[0], answers[1], "the global random state must not matter")


def check_threads(forecaster: Any) -> None:
    """Neither the number of threads of BLAS nor concurrent calls change a forecast."""
    y = example_series()
    model = fitted(forecaster, y)
    expected = model.predict(N_AHEAD)
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(lambda _: model.predict(N_AHEAD), range(8)):
            assert_same(answer, expected, "concurrent predictions must agree")
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            answer = fitted(forecaster, y).predict(N_AHEAD)
        # Sums in another order may differ in the last digits, and a free run amplifies them a little.
        assert_allclose(answer, expected, rtol=1e-6, err_msg="the number of threads must not matter")


def check_model_selection(forecaster: Any) -> None:
    """``GridSearchCV`` and ``cross_validate`` work with arrays and pandas, and with X."""
    for y, X, X_ahead in with_exog(forecaster):
        index = pd.date_range("2001-01-01", periods=len(y), freq="MS")
        inputs = [(y, X), (pd.Series(y, index), None if X is None else pd.DataFrame(X, index))]
        splits = TimeSeriesSplit(n_splits=2, test_size=4)
        scores = []
        for given_y, given_X in inputs:
            model = reproducible_clone(forecaster)
            search = GridSearchCV(model, {}, cv=splits, error_score="raise").fit(given_y, given_X)
            found = cross_validate(model, given_y, given_X, cv=splits, error_score="raise")["test_score"]
            assert np.isfinite(found).all(), f"scores must be finite: {found}"
            assert (found <= 0).all(), f"scores must be negative errors: {found}"
            assert_allclose(search.best_score_, found.mean())
            assert_same(
                search.best_estimator_.predict(4, None if X is None else X_ahead[:4]),
                model.fit(given_y, given_X).predict(4, None if X is None else X_ahead[:4]),
                "a search must refit on everything",
            )
            scores.append(found)
        assert_same(scores[0], scores[1], "arrays and pandas must score the same")
        shuffled = {"cv": KFold(2, shuffle=True, random_state=0), "error_score": "raise"}
        assert_raises(ValueError, "y", "KFold over an index", cross_validate, model, *inputs[1], **shuffled)
