"""Regressors of several outputs: which can, which need one fit per output, and how to ask them fast."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import ElasticNet, LinearRegression, Ridge, RidgeCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.utils import get_tags

from reservoir import RidgeReadout

_INDEPENDENT = (ElasticNet, KNeighborsRegressor, LinearRegression, MultiOutputRegressor, Ridge, RidgeReadout)
# Those whose `predict` is `X @ coef_.T + intercept_`; a subclass with a predict of its own is none.
_PRODUCTS = {linear.predict for linear in (ElasticNet, LinearRegression, Ridge, RidgeCV, RidgeReadout)}


def has_independent_outputs(estimator: Any) -> bool:
    """Tell whether fitting several outputs together gives what fitting them one by one gives.

    Parameters
    ----------
    estimator : regressor

    Returns
    -------
    bool
        False also where it is not known.
    """
    return isinstance(estimator, _INDEPENDENT)


def fit_outputs(estimator: Any, rows: np.ndarray, targets: np.ndarray) -> Any:
    """Fit a regressor on one or several outputs, (n_rows, n_outputs), one by one if it knows only one."""
    if targets.shape[1] == 1:
        return estimator.fit(rows, targets[:, 0])
    if not get_tags(estimator).target_tags.multi_output:
        estimator = MultiOutputRegressor(estimator)
    return estimator.fit(rows, targets)


def predictor(estimator: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of rows: `predict`, or its product alone where a linear regressor does no more."""
    if type(estimator).predict not in _PRODUCTS or not isinstance(estimator.coef_, np.ndarray):
        return estimator.predict
    weights, intercept = np.ascontiguousarray(estimator.coef_.T), estimator.intercept_
    return lambda rows: rows @ weights + intercept
