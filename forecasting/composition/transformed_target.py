"""TransformedTargetForecaster: forecast a transformed series, and transform the forecast back."""

from itertools import takewhile
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from forecasting.base.forecaster import Forecaster
from forecasting.base.tags import ForecasterTags
from forecasting.baselines.naive import Naive
from forecasting.intervals import conformal
from forecasting.intervals.rolling_errors import calibrated
from forecasting.transforms.base_transform import Transform, back_all, forward_all, learn_all, rest_all


class _Correction(NamedTuple):
    """What turns a median on the scale of errors into a mean: its errors, (n_origins, max_horizon, n_targets),
    and the transforms that lead there, standing where the series does."""

    models: tuple
    errors: np.ndarray


class TransformedState(NamedTuple):
    """Where one series stands: its transforms, the inner forecaster's state, the correction of its bias."""

    models: tuple
    inner: Any
    correction: _Correction | None


class TransformedTargetForecaster(Forecaster):
    r"""Forecast a transformed series, and transform the forecast back.

    The transforms are learned in `fit`, series by series, so in every fold of a backtest from its own past. They
    are applied in the order given and undone in the other.

    Intervals, quantiles and samples are made on the scale that the leading elementwise transforms lead to (all
    but differences are elementwise) and transformed back: those of a logarithm are wider above than below and
    never negative, those of a multiplicative season grow and shrink with it.

    Parameters
    ----------
    forecaster : Forecaster, optional
        What forecasts the transformed series. Default: ``Naive()``. It is cloned.
    transforms : Transform or sequence of Transform, default=()
        See `forecasting.transforms`.
    bias_correction : bool, default=False
        A forecast that is transformed back is the median, where the transform bends, no longer the mean. True
        gives the mean, by averaging over the rolling-origin errors ``e`` of the training series [1]_:

        .. math:: \hat y(t + k) = \frac1n \sum_i g^{-1}\big(g(\tilde y(t + k)) + e_{ik} - \bar e_k\big)

        It costs a second fit, on the first half of the series.
    max_horizon : int, default=24
        Steps ahead whose bias is estimated; later ones share the last.
    missing : {"previous", "linear", "mean", "zero"} or ("seasonal", int), default=None
        The rule that fills missing observations in `fit`, `update` and contexts, from those of the same call and
        before (see `forecasting.series.missing`). They are refused by default. Residuals behind intervals come from
        observed steps alone, of forecasts that know nothing later than their origin; the unit of `score` is the mean
        change between two observed steps.

    Attributes
    ----------
    forecaster_ : Forecaster
        The fitted clone.
    transforms_ : tuple of Transform
        Clones.

    References
    ----------
    .. [1] Duan (1983), Smearing estimate: a nonparametric retransformation method. Journal of the American
       Statistical Association 78, 605-610.

    Examples
    --------
    >>> from forecasting import Drift, TransformedTargetForecaster
    >>> from forecasting.transforms import Difference, Log
    >>> y = 2.0 ** np.arange(8) * np.tile([1.0, 3.0], 4)
    >>> model = TransformedTargetForecaster(Drift(), [Log(), Difference((2,))]).fit(y)
    >>> model.predict(3).round(6)
    array([ 256., 1536., 1024.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "forecaster": [Forecaster, None],
        "transforms": [Transform, tuple, list],
        "bias_correction": ["boolean"],
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
        "missing": [str, tuple, None],
    }
    _settings = ("missing",)

    def __init__(
        self, forecaster=None, transforms=(), *, bias_correction=False, max_horizon=24, missing=None
    ):
        self.forecaster = forecaster
        self.transforms = transforms
        self.bias_correction = bias_correction
        self.max_horizon = max_horizon
        self.missing = missing

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        self.transforms_ = self._read_transforms()
        for transform in self.transforms_:
            transform._validate_params()
        self.forecaster_ = self._inner()
        learned = [learn_all(self.transforms_, y) for y in series]
        transformed = [z for z, _ in learned]
        states = self.forecaster_.fit_arrays(transformed, _last_rows(exog, transformed))
        corrections = self._learn_corrections() if self.bias_correction else [None] * len(series)
        return [TransformedState(m, inner, c) for (_, m), inner, c in zip(learned, states, corrections)]

    def _predict(self, states, n_steps, exog):
        inner = self.forecaster_.predict_states([state.inner for state in states], n_steps, exog)
        paths = [back_all(self.transforms_, state.models, z) for state, z in zip(states, inner)]
        return [self._corrected(state.correction, path) for state, path in zip(states, paths)]

    def _update(self, states, series, exog):
        forwarded = [forward_all(self.transforms_, s.models, y) for s, y in zip(states, series)]
        inner = self.forecaster_.update_states([s.inner for s in states], [z for z, _ in forwarded], exog)
        return [
            TransformedState(models, new, self._moved(state.correction, y))
            for (_, models), new, state, y in zip(forwarded, inner, states, series)
        ]

    def _restart(self, series, exog):
        n_known = len(self.states_)
        if n_known == 1 or len(series) == n_known:
            known = self.states_ * len(series) if n_known == 1 else self.states_
            rested = [rest_all(self.transforms_, state.models) for state in known]
            forwarded = [forward_all(self.transforms_, models, y) for models, y in zip(rested, series)]
            corrections = [self._rested(state.correction, y) for state, y in zip(known, series)]
        elif self.bias_correction:
            raise ValueError(
                f"context has {len(series)} series, but the bias is known of the {n_known} series in fit: give one "
                "context for each, in the same order, or use bias_correction=False"
            )
        else:  # series that nothing is known of: their transforms are learned from themselves
            forwarded = [learn_all(self.transforms_, y) for y in series]
            corrections = [None] * len(series)
        transformed = [z for z, _ in forwarded]
        inner = self.forecaster_.restart_states(transformed, _last_rows(exog, transformed))
        return [TransformedState(m, new, c) for (_, m), new, c in zip(forwarded, inner, corrections)]

    def _trace(self, states, series, exog):
        if any(state.correction is not None for state in states):
            return super()._trace(states, series, exog)
        stages = [self._stages(state.models, y) for state, y in zip(states, series)]
        inner = self.forecaster_.trace_states([s.inner for s in states], [z for z, _ in stages], exog)
        return [
            [TransformedState(m, new, None) for m, new in zip(models, news)]
            for (_, models), news in zip(stages, inner)
        ]

    def _origins_of_errors(self, initial):
        origins = conformal.rolling_origins(self._of_the_median(), initial)
        return origins._replace(plain=not self.bias_correction)

    def _errors(self, state, truth, path):
        scale = _leading(self.transforms_)
        to = [forward_all(scale, state.models, values)[0] for values in (truth, path)]
        return to[0] - to[1]

    def _centres(self, n_steps, exog, ends):
        """The scale is that of the first part of the series, on which errors are measured."""
        scale = _leading(self.transforms_)
        models = [state.models[: len(scale)] for state in ends]
        medians = self._predict([s._replace(correction=None) for s in self.states_], n_steps, exog)
        paths = [forward_all(scale, m, path)[0] for m, path in zip(models, medians)]
        return paths, lambda i, values: back_all(scale, models[i], values)

    def _unknown_ahead(self):
        return self.forecaster_._unknown_ahead()

    def _calendar(self):
        return self._inner()._calendar()

    def _missing(self):
        return self.missing

    def _forecaster_tags(self):
        own = self._inner().own_tags()
        leading = _leading(self._read_transforms())
        centred = all(transform.linear for transform in leading) and not self.bias_correction
        return ForecasterTags(
            uses_exog=own.uses_exog,
            uses_newest=own.uses_newest,
            prefix_consistent=own.prefix_consistent,
            accepts_unseen=own.accepts_unseen,
            centred_intervals=own.centred_intervals and centred,
        )

    # ---------------------------------------------------------------- private

    def _inner(self):
        return Naive() if self.forecaster is None else clone(self.forecaster)

    def _read_transforms(self):
        given = (self.transforms,) if isinstance(self.transforms, Transform) else tuple(self.transforms)
        if wrong := [one for one in given if not isinstance(one, Transform)]:
            raise ValueError(
                f"transforms holds {wrong[0]!r}, which is no Transform: choose from forecasting.transforms"
            )
        return tuple(clone(one) for one in given)

    def _stages(self, models, y):
        """Transform the rows of `y` one by one: all of them, and the models after each."""
        rows, stages = [y[:0]], []
        for t in range(len(y)):
            z, models = forward_all(self.transforms_, models, y[t : t + 1])
            rows.append(z)
            stages.append(models)
        return np.concatenate(rows), stages

    # ------------------------------------------------------------------- bias

    def _of_the_median(self):
        """Return an unfitted copy without correction that remembers the series."""
        plain = clone(self).set_params(bias_correction=False)
        plain.series_, plain.exog_, plain.observed_ = self.series_, self.exog_, self.observed_
        return plain

    def _learn_corrections(self):
        rolled = calibrated(self._origins_of_errors(None), self.max_horizon)
        scale = _leading(self.transforms_)
        corrections = []
        for state, errors in zip(rolled.ends(), rolled.errors):
            models = state.models[: len(scale)]
            errors = np.where(np.isfinite(errors), errors, np.nan)
            n_known = (~np.isnan(errors)).sum(axis=0)
            errors = errors[:, n_known.min(axis=1) > 0]
            if errors.shape[1] == 0:
                raise ValueError(
                    "bias_correction=True needs errors of every target in the later half of the series, but has "
                    "none: give a longer series, or use bias_correction=False"
                )
            corrections.append(_Correction(models, errors - np.nanmean(errors, axis=0)))
        return corrections

    def _moved(self, correction, y):
        if correction is None:
            return None
        models = forward_all(_leading(self.transforms_), correction.models, y)[1]
        return correction._replace(models=models)

    def _rested(self, correction, y):
        if correction is None:
            return None
        models = rest_all(_leading(self.transforms_), correction.models)
        return self._moved(correction._replace(models=models), y)

    def _corrected(self, correction, path):
        """Return the mean of the forecasts that errors about a median lead to, (n_steps, n_targets)."""
        if correction is None:
            return path
        scale = _leading(self.transforms_)
        median, _ = forward_all(scale, correction.models, path)
        steps = np.minimum(np.arange(len(path)), correction.errors.shape[1] - 1)
        futures = back_all(scale, correction.models, median + correction.errors[:, steps])
        return np.nanmean(futures, axis=0)


def _leading(transforms: tuple) -> tuple:
    """Return the elementwise transforms that come before any other."""
    return tuple(takewhile(lambda transform: transform.elementwise, transforms))


def _last_rows(exog: list | None, series: list) -> list | None:
    """Return the exogenous variables of transformed series, which may have lost their first steps."""
    return None if exog is None else [X[len(X) - len(z) :] for X, z in zip(exog, series)]
