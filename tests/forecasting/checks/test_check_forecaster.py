"""Every forecaster of the registry against every check of the contract; forecasters that break it."""

from typing import ClassVar, NamedTuple

import numpy as np
import pytest

from forecasting import FORECASTER_CHECKS, FORECASTERS, LocalForecaster, check_forecaster
from forecasting.base.tags import ForecasterTags


@pytest.mark.parametrize("check", FORECASTER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", FORECASTERS)
def test_contract(name, check):
    check(FORECASTERS[name]())


# ------------------------------------------------------------------- forecasters that break the contract


class Model(NamedTuple):
    mean: np.ndarray
    last: np.ndarray


class Mean(LocalForecaster):
    """A sound forecaster to spoil: it learns a weight, the mean, and remembers the last observation."""

    _parameter_constraints: ClassVar[dict] = {"shrinkage": [float]}

    def __init__(self, shrinkage=0.5):
        self.shrinkage = shrinkage

    def _fit_one(self, y, X):
        return Model(y.mean(axis=0), y[-1])

    def _predict_one(self, model, n_steps, X):
        decay = self.shrinkage ** np.arange(1, n_steps + 1)[:, np.newaxis]
        return model.mean + decay * (model.last - model.mean)

    def _update_one(self, model, y, X):
        return model._replace(last=y[-1])

    _restart_one = _update_one


def test_a_sound_forecaster_passes():
    check_forecaster(Mean())


class StoresInInit(Mean):
    def __init__(self, shrinkage=0.5):
        self.shrinkage = float(shrinkage)
        self.factor = 2


class IsNotConstrained(Mean):
    _parameter_constraints: ClassVar[dict] = {}


class ReturnsNone(Mean):
    def fit(self, y, X=None):
        super().fit(y, X)


class MovesWhenPredicting(Mean):
    def _predict(self, states, n_steps, exog):
        answer = super()._predict(states, n_steps, exog)
        self.states_ = self._update(self.states_, [path[-1:] for path in answer], None)
        return answer


class RemembersEarlierFits(Mean):
    def _fit_one(self, y, X):
        self.total_ = getattr(self, "total_", 0.0) + y.mean(axis=0)
        return Model(self.total_, y[-1])


class KeepsCode(Mean):
    def _fit_one(self, y, X):
        self.mean_ = lambda: y.mean(axis=0)
        return super()._fit_one(y, X)


class UsesGlobalRandomNumbers(Mean):
    def _fit_one(self, y, X):
        return Model(y.mean(axis=0) + 1e-9 * np.random.normal(), y[-1])


class IsOneStepLate(Mean):
    def _fit_one(self, y, X):
        return Model(y.mean(axis=0), y[-2])

    def _update_one(self, model, y, X):
        return model

    def _restart_one(self, model, y, X):
        return model._replace(last=y[-2])


class LearnsWhenUpdated(Mean):
    def _update_one(self, model, y, X):
        return Model(y.mean(axis=0), y[-1])


class DependsOnTheHorizon(Mean):
    def _predict_one(self, model, n_steps, X):
        return super()._predict_one(model, n_steps, X) + 0.01 * n_steps


class CalibratesInSample(Mean):
    def _rolling_residuals(self, n_steps, initial):
        residuals = super()._rolling_residuals(n_steps, initial)
        return [errors - self.states_[i].mean for i, errors in enumerate(residuals)]


class IgnoresExog(Mean):
    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True)


class DependsOnTheBatch(Mean):
    def _predict(self, states, n_steps, exog):
        return [path + 0.01 * len(states) for path in super()._predict(states, n_steps, exog)]


class WrongContainer(Mean):
    def predict(self, horizon, X=None, context=None):
        return np.asarray(super().predict(horizon, X, context))


class SwallowsNaN(Mean):
    def fit(self, y, X=None):
        return super().fit(np.nan_to_num(y, posinf=0.0) if isinstance(y, np.ndarray) else y, X)


class OtherScore(Mean):
    def score(self, y, X=None):
        return 2.0 * super().score(y, X)


class ShrinksIntervals(Mean):
    def predict_interval(self, horizon, X=None, coverage=0.9, *, initial=None):
        return super().predict_interval(horizon, X, 1 - coverage, initial=initial)


class MisreadsItsCalibration(Mean):
    def calibrate(self, horizon, *, initial=None):
        super().calibrate(horizon, initial=initial)
        self.calibration_ = self.calibration_._replace(errors=[2.0 * one for one in self.calibration_.errors])
        return self


class UpdatesNoCalibration(Mean):
    def update(self, y, X=None):
        kept, self.calibration_ = self.calibration_, None
        super().update(y, X).calibration_ = kept
        return self


class KeepsItsCalibration(Mean):
    def fit_arrays(self, series, exog, observed=None):
        kept, states = self.calibration_, super().fit_arrays(series, exog, observed)
        self.calibration_ = kept
        return states


BROKEN = [
    (StoresInInit, "check_sklearn_rules"),
    (IsNotConstrained, "check_parameters_are_validated"),
    (ReturnsNone, "check_fit_returns_self"),
    (MovesWhenPredicting, "check_predict_is_pure"),
    (RemembersEarlierFits, "check_refit_forgets"),
    (KeepsCode, "check_copies"),
    (UsesGlobalRandomNumbers, "check_random_numbers"),
    (IsOneStepLate, "check_newest_observation"),
    (LearnsWhenUpdated, "check_split_state"),
    (DependsOnTheHorizon, "check_prefix"),
    (CalibratesInSample, "check_no_leakage"),
    (IgnoresExog, "check_exog_is_used"),
    (DependsOnTheBatch, "check_local_panel"),
    (WrongContainer, "check_indices"),
    (SwallowsNaN, "check_bad_series"),
    (OtherScore, "check_score"),
    (ShrinksIntervals, "check_intervals"),
    (MisreadsItsCalibration, "check_calibrated_intervals"),
    (UpdatesNoCalibration, "check_updates_extend_the_calibration"),
    (KeepsItsCalibration, "check_calibration_is_kept"),
]


@pytest.mark.parametrize(("broken", "name"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_forecaster_is_caught(broken, name):
    check = next(check for check in FORECASTER_CHECKS if check.__name__ == name)
    check(Mean())
    others = {check.__name__ for check in FORECASTER_CHECKS} - {name}
    with pytest.raises(AssertionError, match=f"{broken.__name__} fails {name}: "):
        check_forecaster(broken(), skip=others)


def test_names_to_skip_must_exist():
    with pytest.raises(ValueError, match=r"skip=\['check_nothing'\] are no names of checks"):
        check_forecaster(Mean(), skip=["check_nothing"])
