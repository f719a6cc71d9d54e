"""Checks of the calibration of intervals: read, saved, extended, discarded, and changing no interval."""

import io
from typing import Any

import joblib
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecasting.checks.examples import N_AHEAD, assert_raises, assert_same, example_series, fitted, with_exog
from reservoir.contracts.persistence import load, save

FIRST = 40  # steps of the first part
SPLIT = 64


def check_calibrated_intervals(forecaster: Any) -> None:
    """Intervals, quantiles and samples are the same with and without a calibration, up to its horizon."""
    for y, X, X_ahead in with_exog(forecaster):
        model, other = fitted(forecaster, y, X), fitted(forecaster, y, X)
        assert other.calibrate(N_AHEAD, initial=FIRST) is other, "calibrate must return self"
        before = joblib.hash(vars(other))
        expected = _answers(model, N_AHEAD, X_ahead, FIRST)
        assert_same(
            _answers(other, N_AHEAD, X_ahead, FIRST), expected, "a calibration must change no interval"
        )
        ahead = None if X is None else X_ahead[:3]
        for initial in (FIRST, 0.7):
            # Batches of other sizes round otherwise, which a free run amplifies.
            assert_allclose(
                other.predict_interval(3, ahead, 0.5, initial=initial),
                model.predict_interval(3, ahead, 0.5, initial=initial),
                rtol=1e-6,
                err_msg=f"a calibration must change no interval of fewer steps with initial={initial}",
            )
        assert_same(other.predict(N_AHEAD, X_ahead), model.predict(N_AHEAD, X_ahead), "forecasts must stay")
        assert joblib.hash(vars(other)) == before, "reading a calibration must not change the estimator"


def check_updates_extend_the_calibration(forecaster: Any) -> None:
    """Updates bring to a calibration what a new one with the same first part would find."""
    for y, X, X_ahead in with_exog(forecaster):
        first, rest = (None, None) if X is None else (X[:SPLIT], X[SPLIT:])
        extended = (
            fitted(forecaster, y[:SPLIT], first).calibrate(N_AHEAD, initial=FIRST).update(y[SPLIT:], rest)
        )
        stepwise = fitted(forecaster, y[:SPLIT], first).calibrate(N_AHEAD, initial=FIRST)
        for t in range(SPLIT, len(y)):
            stepwise.update(y[t : t + 1], None if X is None else X[t : t + 1])
        fresh = fitted(forecaster, y[:SPLIT], first).update(y[SPLIT:], rest)
        expected = fresh.predict_interval(N_AHEAD, X_ahead, 0.5, initial=FIRST)
        for name, model in {"update": extended, "updates of one step": stepwise}.items():
            interval = model.predict_interval(N_AHEAD, X_ahead, 0.5, initial=FIRST)
            # A free run amplifies the last digits in which whole and split series differ.
            assert_allclose(interval, expected, rtol=1e-6, err_msg=f"{name} must extend the calibration")


def check_calibration_is_kept(forecaster: Any) -> None:
    """A file holds the calibration; the next `fit` and a clone do not."""
    y = example_series()
    assert_raises(NotFittedError, "not fitted", "calibrate before fit", clone(forecaster).calibrate, 3)
    model = fitted(forecaster, y[:SPLIT])
    assert_raises(ValueError, "horizon", "a horizon of 0", model.calibrate, 0)
    model.calibrate(N_AHEAD, initial=FIRST).update(y[SPLIT:])
    expected = _answers(model, N_AHEAD, None, FIRST)
    file = io.BytesIO()
    own_package = [type(model).__module__.partition(".")[0]]
    save(model, file, trusted=own_package)
    file.seek(0)
    loaded = load(file, trusted=own_package)
    assert loaded.calibration_ is not None, "a calibration must be saved"
    assert_same(_answers(loaded, N_AHEAD, None, FIRST), expected, "save and load must keep all intervals")
    assert clone(model).calibration_ is None, "a clone must have no calibration"
    assert model.fit(y).calibration_ is None, "fit must discard the calibration"


def _answers(model: Any, n_steps: int, X: Any, initial: Any) -> list:
    return [
        model.predict_interval(n_steps, X, 0.5, initial=initial),
        model.predict_quantiles(n_steps, X, (0.3, 0.5, 0.7), initial=initial),
        model.sample(n_steps, 3, X, random_state=0, initial=initial),
    ]
