"""How a forecaster makes intervals, quantiles and samples: from the errors of rolling origins."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from forecasting.base.input_reading import InputReading
from forecasting.intervals import conformal
from forecasting.intervals.rolling_errors import Calibration, calibrated
from forecasting.series.horizons import read_horizon
from forecasting.series.rebuilding import rebuild
from reservoir.contracts.random_source import make_rng
from reservoir.contracts.settings import check_settings


class ResidualIntervals(InputReading):
    """The part of `Forecaster` that makes intervals of forecasts and the errors of earlier ones."""

    _predict: Callable
    states_: list
    calibration_: Calibration | None = None

    # ------------------------------------------------------------------ hooks

    def _rolling_origins(self, initial: Any) -> conformal.Origins:
        """Return a fit on the first part of the series, and its states at every step from there on."""
        return conformal.rolling_origins(self, initial)

    def _origins_of_errors(self, initial: Any) -> conformal.Origins:
        """Return the origins of the forecasts whose errors make intervals; with forecasts of another kind than
        those of `predict`, override this."""
        return self._rolling_origins(initial)

    def _errors(self, state: Any, truth: np.ndarray, path: np.ndarray) -> np.ndarray:
        """Return the errors of a forecast from a state; on another scale than that of `y`, override
        `_centres` too."""
        return truth - path

    def _centres(self, n_steps: int, exog: list | None, ends: list) -> tuple[list, Callable]:
        """Return the forecasts about which errors are laid, and a function (series number, values) that leads
        from the scale of errors to that of `y`; values end with the axes of steps and targets. `ends` are the
        states, at the last observations, of the model that made the errors."""
        return self._predict(self.states_, n_steps, exog), lambda i, values: values

    # --------------------------------------- arrays, for forecasters made of forecasters

    def rolling_origins(self, initial: Any) -> conformal.Origins:
        """Return a fit on the first part of the series, and its states at every step from there on.

        Parameters
        ----------
        initial : int, float or None
            Steps or fraction of the series in the first part.

        Returns
        -------
        Origins
        """
        return self._rolling_origins(initial)

    def rolling_residuals(self, n_steps: int, initial: Any) -> list[np.ndarray]:
        """Return the errors of forecasts from all these origins.

        Parameters
        ----------
        n_steps : int
        initial : int, float or None

        Returns
        -------
        list of ndarray of shape (n_origins, n_steps, n_targets)
            One per series, NaN beyond its end.
        """
        return self._rolling_residuals(n_steps, initial)

    # ----------------------------------------------------------------- public

    def calibrate(self, horizon, *, initial=None):
        """Compute the rolling-origin errors behind intervals once, and keep them.

        A clone is fitted on the first part of the series and advanced through the rest without refitting; at every
        step it forecasts the following ones. `predict_interval`, `predict_quantiles` and `sample`, and
        `forecasting.bootstrap_paths`, read its errors from then on instead of fitting a clone at each call. `update`
        adds the errors of the clone's forecasts of the new observations, `reservoir.save` writes them with the model,
        and the next `fit` discards them.

        A forecaster that knows the distribution of what it forecasts takes its intervals from there: only with
        ``initial``, for calls that name the same, there is something to compute.

        Parameters
        ----------
        horizon : int, array-like of int, or pandas index
            Steps ahead, as for `predict`. Shorter horizons read the errors of the first steps, unless the first
            steps of a forecast depend on how far it reaches.
        initial : int or float, optional
            Steps (int) or fraction (float) of the series in the first part, which stays the same however many
            observations follow. Default: half, or all but the last 2000 steps if that is more.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the series is too short to be split, or its first part to be fitted.

        Notes
        -----
        In a stream of single observations each takes the same time on average, about twice that without calibration
        and a forecast of ``horizon`` steps. Of a long stream the newest 2000 errors are kept.

        Examples
        --------
        >>> import numpy as np
        >>> from forecasting import DirectForecaster
        >>> y = np.cumsum(np.random.default_rng(0).normal(size=120))
        >>> model = DirectForecaster(lags=4).fit(y[:100]).calibrate(6, initial=50)  # fits a second time
        >>> model.update(y[100:]).predict_interval(6, coverage=0.8).shape  # without a fit, from 70 origins
        (6, 2)
        """
        check_is_fitted(self)
        check_settings(self)
        n_steps = read_horizon(horizon, self.layout_).n_steps
        self.calibration_ = calibrated(self._origins_of_errors(initial), n_steps, initial)
        return self

    def predict_interval(self, horizon, X=None, coverage=0.9, *, initial=None):
        """Forecast intervals from rolling-origin residuals, with the finite-sample correction of conformal
        prediction.

        A clone is fitted on the first part of the series and carried through the rest without refitting; at
        every step it forecasts the following ones. The half-width for step `k` is the
        ``ceil((n + 1) * coverage)``-th smallest of the `n` absolute errors seen `k` steps ahead, per series
        and target. The interval is centred on `predict`. After `calibrate` the errors are read; before, each
        call costs one fit on the first part and one pass over the rest.

        The guarantee, coverage on average over series, holds for exchangeable errors; errors of overlapping
        forecasts are dependent, so for a time series it is approximate.

        Parameters
        ----------
        horizon, X
            As for `predict`.
        coverage : float, default=0.9
            Fraction of the future inside, in (0, 1). Never a percentage.
        initial : int or float, optional
            Steps (int) or fraction (float) of the series in the first part. Default: that of `calibrate`, or
            else half, or all but the last 2000 steps if that is more. Another one than that of `calibrate`, or a
            longer horizon, is computed for this call.

        Returns
        -------
        interval : ndarray or frame
            ``(n_steps, 2)`` for a 1-D array, ``(n_steps, n_targets, 2)`` for a 2-D array: lower and upper. A
            frame with the columns ``lower``, ``upper`` for a Series; for a DataFrame the columns have two
            levels, ``lower`` and ``upper`` outermost, so ``interval["lower"]`` has the columns of `y`. A long
            frame gains both columns.

        Raises
        ------
        ValueError
            If the series is too short for the coverage asked for.

        References
        ----------
        Stankeviciute, Alaa and van der Schaar (2021), Conformal time-series forecasting. Lei et al. (2018),
        Distribution-free predictive inference for regression, section 2.2.
        """
        paths, steps, residuals, back = self._paths_and_residuals(horizon, X, initial)
        widths = [conformal.half_widths(r, coverage) for r in residuals]
        bounds = [np.stack([path - width, path + width]) for path, width in zip(paths, widths)]
        return self._answer(steps, bounds, back, ("lower", "upper"))

    def predict_quantiles(self, horizon, X=None, quantiles=(0.1, 0.5, 0.9), *, initial=None):
        """Forecast quantiles: the point forecast plus quantiles of signed rolling-origin residuals.

        Parameters
        ----------
        horizon, X, initial
            As for `predict_interval`.
        quantiles : sequence of float, default=(0.1, 0.5, 0.9)
            Strictly increasing, in (0, 1). Of `n` residuals the ``ceil((n + 1) q)``-th smallest is used above
            the median and the ``floor((n + 1) q)``-th below, the mean of both at it.

        Returns
        -------
        forecast : ndarray or frame
            As for `predict_interval`, with one label per quantile: ``(n_steps, n_quantiles)`` for a 1-D
            array, columns named by the quantiles for a Series.
        """
        quantiles = conformal.check_quantiles(quantiles)
        paths, steps, residuals, back = self._paths_and_residuals(horizon, X, initial)
        shifts = [np.moveaxis(conformal.residual_quantiles(r, quantiles), -1, 0) for r in residuals]
        return self._answer(steps, [path + shift for path, shift in zip(paths, shifts)], back, quantiles)

    def sample(self, horizon, n_samples=100, X=None, random_state=None, *, initial=None):
        """Draw possible futures: the point forecast plus whole residual paths, drawn with replacement.

        A path keeps the dependence between steps and between the targets of a series.

        Parameters
        ----------
        horizon, X, initial
            As for `predict_interval`.
        n_samples : int, default=100
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        samples : ndarray or frame
            As for `predict_interval`, with one label per sample: ``(n_steps, n_samples)`` for a 1-D array.
        """
        n = conformal.check_n_samples(n_samples)
        paths, steps, residuals, back = self._paths_and_residuals(horizon, X, initial)
        rng = make_rng(random_state)
        values = [path + conformal.draw_paths(rolled, n, rng) for path, rolled in zip(paths, residuals)]
        return self._answer(steps, values, back, range(n))

    # ---------------------------------------------------------------- private

    def _calibration(self, n_steps: int, initial: Any) -> Calibration:
        """Return the calibration that is kept if it covers so many steps; otherwise compute one."""
        stored = self.calibration_
        if stored is not None and stored.covers(n_steps, initial):
            return stored
        return calibrated(self._origins_of_errors(initial), n_steps, initial)

    def _rolling_residuals(self, n_steps: int, initial: Any) -> list[np.ndarray]:
        """Return out-of-sample errors per series, (n_origins, n_steps, n_targets), NaN beyond the end."""
        errors, _ = self._calibration(n_steps, initial).known(self)
        return [each[:, :n_steps] for each in errors]

    def _paths_and_residuals(self, horizon, X, initial):
        check_is_fitted(self)
        check_settings(self)
        steps = read_horizon(horizon, self.layout_)
        exog = self.read_future_exog(X, self.layout_, [steps.n_steps] * len(self.states_))
        calibration = self._calibration(steps.n_steps, initial)
        paths, back = self._centres(steps.n_steps, exog, calibration.ends())
        residuals = [errors[:, : steps.n_steps] for errors in calibration.known(self)[0]]
        return paths, steps.steps, residuals, back

    def _answer(self, steps, values, back, labels):
        """Lead (n_labels, n_steps, n_targets) per series back to the scale and the container of `y`."""
        values = [np.moveaxis(back(i, v), 0, -1)[steps - 1] for i, v in enumerate(values)]
        return rebuild(self.layout_, steps, values, labels)
