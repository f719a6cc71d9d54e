"""ConformalForecaster: intervals around any forecaster from its newest errors, adapting, or from its quantiles."""

from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from forecasting.base.delegating_forecaster import DelegatingForecaster
from forecasting.base.distribution_forecaster import DistributionForecaster
from forecasting.base.forecaster import Forecaster
from forecasting.baselines.naive import Naive
from forecasting.intervals import conformal
from forecasting.intervals.adaptive import adaptive_half_widths, newest, newest_paths
from forecasting.series.horizons import read_horizon
from reservoir.contracts.random_source import make_rng


class ConformalForecaster(DelegatingForecaster):
    r"""Other conformal intervals around a forecaster; its points stay as they are.

    ======================  ================================================================================
    ``method``              half-width, or what both quantiles are moved by
    ======================  ================================================================================
    ``"residual"``          a quantile of the rolling-origin errors: what every forecaster does by itself
    ``"adaptive"``          the same at a level that has followed the misses so far, so that intervals keep
                            their coverage in the long run when errors grow or shrink [1]_
    ``"quantile"``          the forecaster's own quantiles, both moved outwards (or inwards) by a quantile of
                            :math:`\max(\hat q_l - y, y - \hat q_u)`: as wide as the forecaster says where it
                            says so, and with the coverage that it lacks [2]_
    ======================  ================================================================================

    Each step ahead and each target has its own. All take the ``ceil((n + 1) coverage)``-th smallest of `n` scores,
    which is exact for exchangeable errors. With ``window`` only the last errors count: intervals follow a
    spread that changes, at the price of exactness.

    Parameters
    ----------
    forecaster : Forecaster, optional
        It is cloned. Default: ``Naive()``. "quantile" needs one that knows the distribution of what it forecasts,
        such as a `GRUForecaster` with ``head="quantile"``.
    method : {"residual", "adaptive", "quantile"}, default="adaptive"
    window : int, optional
        How many errors of each step count, the newest. Default: all of the later part of the series.
    step_size : float, default=0.01
        How far one miss moves the level of "adaptive". Larger ones follow faster and make widths less steady.

    Attributes
    ----------
    forecaster_ : Forecaster
        The fitted clone.

    Notes
    -----
    The errors are those of `calibrate`, extended by `update`; without it they are computed again at each call, from
    all observations so far. For "quantile" a calibration saves only the fit: each call forecasts quantiles of its own
    levels from all origins. Widths of "adaptive" may be infinite. Intervals of two coverages nest, but for
    "adaptive" only as far as both levels have moved alike. Quantiles of "adaptive" are the ends of adapted intervals
    about the forecast.

    References
    ----------
    .. [1] I. Gibbs and E. Candes (2021), Adaptive conformal inference under distribution shift, NeurIPS 34.
    .. [2] Y. Romano, E. Patterson and E. Candes (2019), Conformalized quantile regression, NeurIPS 32.

    Examples
    --------
    >>> import numpy as np
    >>> from forecasting import ConformalForecaster, Naive
    >>> rng = np.random.default_rng(0)
    >>> y = np.cumsum(rng.normal(size=400) * np.repeat([1.0, 5.0], [340, 60]))  # it has become wilder
    >>> for options in ({"method": "residual"}, {"method": "residual", "window": 50}, {"step_size": 0.02}):
    ...     lower, upper = ConformalForecaster(Naive(), **options).fit(y).predict_interval(1, coverage=0.8)[0]
    ...     print(f"{upper - lower:.1f}")
    5.9
    11.0
    10.4
    """

    _parameter_constraints: ClassVar[dict] = {
        "forecaster": [Forecaster, None],
        "method": [StrOptions({"residual", "adaptive", "quantile"})],
        "window": [Interval(Integral, 1, None, closed="left"), None],
        "step_size": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(self, forecaster=None, *, method="adaptive", window=None, step_size=0.01):
        self.forecaster = forecaster
        self.method = method
        self.window = window
        self.step_size = step_size

    # ----------------------------------------------------------------- public

    def predict_interval(self, horizon, X=None, coverage=0.9, *, initial=None):
        """Forecast intervals by the method chosen.

        Parameters
        ----------
        horizon, X, coverage, initial
            As for `Forecaster.predict_interval`.

        Returns
        -------
        interval : ndarray or frame
            As `Forecaster.predict_interval`.
        """
        if self.method == "quantile":
            conformal.check_fraction(coverage, "coverage")
            levels = [round((1 - coverage) / 2, 12), round((1 + coverage) / 2, 12)]
            steps, ((paths, scores),) = self._quantile_scores(horizon, X, [levels], initial)
            widths = [conformal.score_quantiles(each, coverage) for each in scores]
            bounds = [np.stack([q[..., 0] - w, q[..., 1] + w]) for q, w in zip(paths, widths)]
            return self._answer(steps, bounds, _as_it_is, ("lower", "upper"))
        paths, steps, residuals, back = self._paths_and_residuals(horizon, X, initial)
        widths = [self._half_widths(each, coverage) for each in residuals]
        bounds = [np.stack([path - width, path + width]) for path, width in zip(paths, widths)]
        return self._answer(steps, bounds, back, ("lower", "upper"))

    def predict_quantiles(self, horizon, X=None, quantiles=(0.1, 0.5, 0.9), *, initial=None):
        """Forecast quantiles by the method chosen.

        Parameters
        ----------
        horizon, X, quantiles, initial
            As for `Forecaster.predict_quantiles`.

        Returns
        -------
        forecast : ndarray or frame
            As `Forecaster.predict_quantiles`.
        """
        levels = conformal.check_quantiles(quantiles)
        if self.method == "quantile":
            return self._moved_quantiles(horizon, X, levels, initial)
        paths, steps, residuals, back = self._paths_and_residuals(horizon, X, initial)
        shifts = [self._residual_quantiles(each, levels) for each in residuals]
        values = [np.sort(path + shift, axis=0) for path, shift in zip(paths, shifts)]
        return self._answer(steps, values, back, levels)

    def sample(self, horizon, n_samples=100, X=None, random_state=None, *, initial=None):
        """Draw possible futures: the point forecast plus whole residual paths, of the newest if there is a window.

        Parameters
        ----------
        horizon, n_samples, X, random_state, initial
            As for `Forecaster.sample`. For "quantile" they are the forecaster's own.

        Returns
        -------
        samples : ndarray or frame
            As `Forecaster.sample`.
        """
        if self.method != "quantile":
            if self.window is None:
                return super().sample(horizon, n_samples, X, random_state, initial=initial)
            return self._sample_newest(horizon, n_samples, X, random_state, initial)
        check_is_fitted(self)
        self._check_distribution()
        inner = self._standing()
        inner.layout_, inner.exog_names_ = self.layout_, self.exog_names_
        inner.n_features_in_ = self.n_features_in_
        return inner.sample(horizon, n_samples, X, random_state, initial=initial)

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        self.forecaster_ = self._inner()
        if self.method == "quantile" and not isinstance(self.forecaster_, DistributionForecaster):
            raise ValueError(
                f"method='quantile' needs a forecaster that knows a distribution, which {self.forecaster_!r} does "
                "not: take a recurrent forecaster with head='quantile', or method='adaptive'"
            )
        states = self.forecaster_.fit_arrays(series, exog, self.observed_)
        if self.method == "quantile":
            self._check_distribution()
        return states

    def _calendar(self):
        return self._inner()._calendar()

    def _missing(self):
        return self._inner().missing_rule()

    def _forecaster_tags(self):
        tags = self._inner().own_tags()
        tags.conformal_intervals = True
        tags.centred_intervals = tags.centred_intervals and self.method != "quantile"
        return tags

    # ---------------------------------------------------------------- private

    def _check_distribution(self) -> None:
        inner = self.forecaster_
        if not (isinstance(inner, DistributionForecaster) and inner._has_distribution()):
            raise ValueError(
                f"method='quantile' needs a forecaster that knows a distribution, but {inner!r} gives points: take "
                "head='quantile', or method='adaptive'"
            )

    def _inner(self) -> Any:
        return Naive() if self.forecaster is None else clone(self.forecaster)

    def _half_widths(self, residuals, coverage):
        if self.method == "adaptive":
            return adaptive_half_widths(residuals, coverage, self.step_size, self.window)
        return conformal.half_widths(self._counted(residuals), coverage)

    def _residual_quantiles(self, residuals, levels):
        """Return (n_levels, n_steps, n_targets)."""
        if self.method == "residual":
            return np.moveaxis(conformal.residual_quantiles(self._counted(residuals), levels), -1, 0)
        middle = np.zeros(residuals.shape[1:])
        sides = [
            np.sign(q - 0.5) * self._half_widths(residuals, abs(2 * q - 1)) if q != 0.5 else middle
            for q in levels
        ]
        return np.stack(sides)

    def _counted(self, residuals):
        return residuals if self.window is None else newest(residuals, self.window)

    def _sample_newest(self, horizon, n_samples, X, random_state, initial):
        n = conformal.check_n_samples(n_samples)
        paths, steps, residuals, back = self._paths_and_residuals(horizon, X, initial)
        rng = make_rng(random_state)
        values = [
            path + conformal.draw_paths(newest_paths(each, self.window), n, rng)
            for path, each in zip(paths, residuals)
        ]
        return self._answer(steps, values, back, range(n))

    def _moved_quantiles(self, horizon, X, levels, initial):
        """Move every quantile by a quantile of what truths lay above it."""
        moved = []
        steps, found = self._quantile_scores(horizon, X, [[level] for level in levels], initial)
        for level, (paths, scores) in zip(levels, found):
            moved.append(
                [q[..., 0] + conformal.residual_quantiles(s, [level])[..., 0] for q, s in zip(paths, scores)]
            )
        values = [np.sort(np.stack(one), axis=0) for one in zip(*moved)]
        return self._answer(steps, values, _as_it_is, levels)

    def _quantile_scores(self, horizon, X, groups, initial):
        """Return the steps and, for each group of levels, quantile forecasts (n_steps, n_targets, n_levels) per
        series and how far truths were outside (of one level: above) in the later part of the series."""
        check_is_fitted(self)
        self._check_distribution()
        steps = read_horizon(horizon, self.layout_)
        n_steps = steps.n_steps
        exog = self.read_future_exog(X, self.layout_, [n_steps] * len(self.states_))
        stored = self.calibration_
        if stored is not None and stored.covers(n_steps, initial):
            origins = stored.origins(self)
        else:
            origins = conformal.rolling_origins(self._standing(), initial)
        answers = []
        for levels in groups:
            paths = self.forecaster_._predict_quantile_paths(self.states_, n_steps, exog, levels)
            forecast = partial(_quantile_paths, origins.model, levels)
            scores = conformal.errors_from(origins, n_steps, forecast, _outside)
            answers.append((paths, [self._counted(each) for each in scores]))
        return steps.steps, answers


def _quantile_paths(model, levels, states, n_steps, exog):
    return model._predict_quantile_paths(states, n_steps, exog, levels)


def _outside(state, truth, quantiles):
    """How far a truth lies outside two quantiles (negative: inside), or above one."""
    above = truth - quantiles[..., -1]
    return above if quantiles.shape[-1] == 1 else np.maximum(quantiles[..., 0] - truth, above)


def _as_it_is(i, values):
    return values
