"""How good a forecast is: point, interval, quantile and sample scores, and the table ``METRICS``.

Conventions, stated once:

- ``y_true`` has shape ``(n_steps,)`` or ``(n_steps, n_targets)`` and every forecast has exactly that shape;
  nothing is broadcast. Positions count, an index is not looked at.
- Several targets are scored one by one and then averaged with equal weights (the root of RMSE is taken per
  target).
- The answer is a ``float``. Lower is better, except for `interval_coverage` (near its nominal value) and
  `valid_prediction_time` (higher).
- NaN or infinity in an argument is an error, never a score; only `valid_prediction_time` takes a diverged
  forecast, the bounds of an interval may be infinite, and ``y_train`` may miss values (NaN): the scale of MASE and
  RMSSE is the mean over the changes between two known ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from forecasting.metrics.calibration import calibration as calibration
from forecasting.metrics.closed_forms import crps_lognormal, crps_mixture, crps_student_t
from forecasting.metrics.point import mae, mape, mse, nmse, nrmse, rmse, smape, valid_prediction_time
from forecasting.metrics.probabilistic import (
    crps,
    crps_gaussian,
    energy_score,
    interval_coverage,
    interval_width,
    pinball,
    winkler_score,
)
from forecasting.metrics.scaled import mase, owa, rmsse


class Metric(NamedTuple):
    """One row of ``METRICS``: a score, what it needs, and which value is best."""

    function: Callable[..., float]
    #: what is scored, after ``y_true``: "point" (y_pred), "interval" (lower, upper), "quantile" (y_pred, with
    #: ``quantile=``), "samples", "gaussian" (mean, std), "student_t" (df, loc, scale), "mixture" (weights, means,
    #: stds), "lognormal" (mu, sigma), "relative" (y_pred, y_benchmark; lists of series)
    forecast: str
    #: keyword arguments the function takes from its surroundings, among y_train, season_length, coverage
    context: tuple[str, ...] = ()
    #: "low", "high", or "nominal" (near the nominal coverage)
    best: str = "low"
    #: whether steps without an observation may be left out; False where their order counts
    skips_steps: bool = True


_TRAIN = ("y_train", "season_length")

METRICS: dict[str, Metric] = {
    "mae": Metric(mae, "point"),
    "mse": Metric(mse, "point"),
    "rmse": Metric(rmse, "point"),
    "nrmse": Metric(nrmse, "point"),
    "nmse": Metric(nmse, "point"),
    "smape": Metric(smape, "point"),
    "mape": Metric(mape, "point"),
    "mase": Metric(mase, "point", _TRAIN),
    "rmsse": Metric(rmsse, "point", _TRAIN),
    "valid_prediction_time": Metric(valid_prediction_time, "point", best="high", skips_steps=False),
    "owa": Metric(owa, "relative", _TRAIN),
    "coverage": Metric(interval_coverage, "interval", best="nominal"),
    "width": Metric(interval_width, "interval"),
    "winkler": Metric(winkler_score, "interval", ("coverage",)),
    "pinball": Metric(pinball, "quantile"),
    "crps": Metric(crps, "samples"),
    "energy": Metric(energy_score, "samples"),
    "crps_gaussian": Metric(crps_gaussian, "gaussian"),
    "crps_student_t": Metric(crps_student_t, "student_t"),
    "crps_mixture": Metric(crps_mixture, "mixture"),
    "crps_lognormal": Metric(crps_lognormal, "lognormal"),
}
