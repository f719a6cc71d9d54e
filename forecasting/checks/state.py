"""Checks of what a forecast is made from: the newest observation, never the future, and an explicit state."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from forecasting.base.local_forecaster import LocalForecaster
from forecasting.checks.examples import (
    N_AHEAD,
    N_STEPS,
    assert_raises,
    assert_same,
    example_exog,
    example_series,
    fitted,
    uses_exog,
    with_exog,
)

SPLIT = 48


def check_prefix(forecaster: Any) -> None:
    """A longer horizon does not change the first steps; a subset of steps is a slice."""
    for y, X, X_ahead in with_exog(forecaster):
        model = fitted(forecaster, y, X)
        whole = model.predict(N_AHEAD, X_ahead)
        assert_same(
            model.predict([1, 4, N_AHEAD], X_ahead), whole[[0, 3, -1]], "a subset of steps must be a slice"
        )
        if model.__sklearn_tags__().forecaster_tags.prefix_consistent:
            part = model.predict(3, None if X is None else X_ahead[:3])
            assert_allclose(part, whole[:3], rtol=1e-9, err_msg="predict(h)[:k] must equal predict(k)")


def check_newest_observation(forecaster: Any) -> None:
    """The first step depends on the last observation: no off-by-one in the state."""
    if not forecaster.__sklearn_tags__().forecaster_tags.uses_newest:
        return
    y = example_series()
    changed = y.copy()
    changed[-1] += 1.0
    model = fitted(forecaster, y[:-1])
    first = [model.predict(1, context=series)[0] for series in (y, changed)]
    assert first[0] != first[1], "the newest observation of a context must reach the first step"
    first = [fitted(forecaster, y[:-1]).update(series[-1:]).predict(1)[0] for series in (y, changed)]
    assert first[0] != first[1], "the newest observation of an update must reach the first step"


def check_no_leakage(forecaster: Any) -> None:
    """What comes after the cutoff never enters, neither in a forecast nor in the residuals that make
    intervals."""
    for y, X, X_ahead in with_exog(forecaster):
        answers = []
        for future in (y[SPLIT:], y[SPLIT:][::-1] * 3):
            whole = np.concatenate([y[:SPLIT], future])
            model = fitted(forecaster, whole[:SPLIT], None if X is None else X[:SPLIT])
            model.score(whole[SPLIT:], None if X is None else X[SPLIT:])
            answers.append(model.predict(4, None if X is None else X_ahead[:4]))
        assert_same(answers[0], answers[1], "the future of y must not enter a forecast")
        residuals = []
        for last in (0.0, 5.0):
            series = y.copy()
            series[-1] += last
            (errors,) = fitted(forecaster, series, X).rolling_residuals(3, 0.5)
            for step in range(3):
                errors[-1 - step, step] = np.nan  # compared with the last observation itself
            residuals.append(errors)
        assert_same(residuals[0], residuals[1], "a residual must know nothing after its own step")


def check_exog_is_used(forecaster: Any) -> None:
    """Other future `X` gives another forecast, and what happens to X later does not change earlier steps."""
    if not uses_exog(forecaster):
        return
    y, X, X_ahead = with_exog(forecaster)[1]
    model = fitted(forecaster, y, X)
    expected = model.predict(N_AHEAD, X_ahead)
    shuffled = model.predict(N_AHEAD, X_ahead[::-1])
    assert np.abs(shuffled - expected).max() > 1e-3 * np.abs(expected).max(), "X must enter the forecast"
    later = X_ahead.copy()
    later[-1] += 1.0
    if model.__sklearn_tags__().forecaster_tags.prefix_consistent:
        assert_allclose(
            model.predict(N_AHEAD, later)[:-1], expected[:-1], rtol=1e-9, err_msg="X must act forwards"
        )
    frame = pd.DataFrame(X, columns=["p", "q"])
    given = fitted(forecaster, pd.Series(y), frame)
    ahead = pd.DataFrame(X_ahead, pd.RangeIndex(N_STEPS, N_STEPS + N_AHEAD), columns=["p", "q"])
    assert_same(given.predict(N_AHEAD, ahead), expected, "frames and arrays of X must agree")


def check_split_state(forecaster: Any) -> None:
    """``fit(y[:n]).update(y[n:])`` stands where driving all of y with the weights of ``fit(y[:n])`` does.

    Where updates move the weights, updates of one step must come to where all at once do.
    """
    for y, X, X_ahead in with_exog(forecaster):
        cut = len(y) - 11
        first, rest = (None, None) if X is None else (X[:cut], X[cut:])
        everything = None if X is None else np.concatenate([X, X_ahead])
        model = fitted(forecaster, y[:cut], first)
        driven = model.predict(N_AHEAD, everything, context=y)
        at_once = fitted(forecaster, y[:cut], first).update(y[cut:], rest).predict(N_AHEAD, X_ahead)
        for t in range(cut, len(y)):
            model.update(y[t : t + 1], None if X is None else X[t : t + 1])
        step_by_step = model.predict(N_AHEAD, X_ahead)
        if model.__sklearn_tags__().forecaster_tags.learns_from_updates:
            driven = at_once
        # A free run amplifies the last digits in which the three ways differ.
        assert_allclose(at_once, driven, rtol=1e-6, err_msg="update must equal driving the whole series")
        assert_allclose(step_by_step, driven, rtol=1e-6, err_msg="updates of one step must add up")
        assert len(model.series_[0]) == len(y)


def check_update_goes_on(forecaster: Any) -> None:
    """`update` moves the cutoff, takes only what follows it, and keeps the container."""
    labels = pd.date_range("2001-01-01", periods=N_STEPS, freq="h")
    y = pd.Series(example_series(), labels, name="load")
    model = fitted(forecaster, y[:SPLIT])
    for wrong in (y[:3], y[SPLIT + 1 :], y[SPLIT - 1 :]):
        assert_raises(
            ValueError, "right after the last observation", "a gap before the update", model.update, wrong
        )
        assert_raises(ValueError, "right after the last observation", "a gap before y", model.score, wrong)
    model.update(y[SPLIT : SPLIT + 1])
    assert model.cutoff_ == labels[SPLIT]
    model.update(y[SPLIT + 1 :].to_numpy())  # an array is taken to follow
    answer = model.predict(2)
    assert answer.name == "load"
    assert answer.index[0] == labels[-1] + pd.Timedelta(hours=1)


def check_context(forecaster: Any) -> None:
    """A context of the training series itself changes nothing; a batch of contexts equals one after the
    other."""
    y, other = example_series(), example_series(seed=3)
    model = fitted(forecaster, y)
    assert_allclose(
        model.predict(N_AHEAD, context=y),
        model.predict(N_AHEAD),
        rtol=1e-6,
        err_msg="context=y must change nothing",
    )
    labels = pd.date_range("2001-01-01", periods=N_STEPS, freq="D")
    answer = model.predict(2, context=pd.Series(other, labels))
    assert answer.index[0] == labels[-1] + pd.Timedelta(days=1), (
        "the answer must go on from the context's index"
    )
    if not model.__sklearn_tags__().forecaster_tags.accepts_unseen:
        assert_raises(
            ValueError, "context has 2 series", "unseen series", model.predict, 2, context=[y, other]
        )
        return
    together = model.predict(N_AHEAD, context=[y, other])
    alone = [model.predict(N_AHEAD, context=series) for series in (y, other)]
    assert_allclose(together, alone, rtol=1e-6, err_msg="a batch must equal a loop")


def check_local_panel(forecaster: Any) -> None:
    """A forecaster that treats series alone gives the same for a panel as for each series."""
    if not isinstance(forecaster, LocalForecaster):
        return
    series = [example_series(), example_series(n_steps=N_STEPS - 7, seed=3)]
    together = fitted(forecaster, series)
    alone = [fitted(forecaster, one) for one in series]
    assert_same(together.predict(4), [one.predict(4) for one in alone], "a panel must equal a loop")
    bounds = together.predict_interval(4, coverage=0.5)
    assert_same(bounds, [one.predict_interval(4, coverage=0.5) for one in alone], "a panel must equal a loop")


def check_score(forecaster: Any) -> None:
    """`score` is the negative mean absolute error in units of the training series' mean change."""
    for y, X, _ in with_exog(forecaster):
        past, future = (None, None) if X is None else (X[:SPLIT], X[SPLIT : SPLIT + 4])
        model = fitted(forecaster, y[:SPLIT], past)
        truth = y[SPLIT : SPLIT + 4]
        error = np.abs(truth - model.predict(4, future)).mean() / np.abs(np.diff(y[:SPLIT])).mean()
        assert_allclose(model.score(truth, future), -error, rtol=1e-12)
    if uses_exog(forecaster):
        y, X = example_series(), example_exog()
        stack, exog = np.stack([y, y])[:, :, None], np.stack([X, X])
        model = fitted(forecaster, stack[:, :SPLIT], exog[:, :SPLIT])
        assert model.score(stack[:, SPLIT:], exog[:, SPLIT:N_STEPS]) <= 0
