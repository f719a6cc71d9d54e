"""What a search found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from forecasting.composition.ensemble import EnsembleForecaster
from forecasting.tuning.configurations import Configuration


@dataclass(frozen=True, repr=False)
class TuningResult:
    """What `tune` found.

    Attributes
    ----------
    best_forecaster_ : forecaster
        The best configuration, or the median of the best ones (``n_combined``), fitted to the whole series.
    best_params_ : dict
        Parameters of the best configuration, those that judging it has chosen (the readout's penalty) included.
    best_score_ : float
        Its mean of the metric over the windows.
    trials : DataFrame
        One row per configuration, best first, the index its number in the order of drawing: a column per
        parameter searched, ``alpha`` where a penalty was chosen, ``score`` (mean of the metric over the windows it
        was judged on; infinite where it failed), ``windows``, ``seconds`` and ``error``. After successive halving
        those that were judged on more windows stand first.
    metric : str
        Name of the metric.
    parameters : tuple of str
        The columns that hold parameters.
    forecasters : list of forecasters
        Unfitted, one per row of ``trials``.
    """

    best_forecaster_: Any
    best_params_: dict[str, Any]
    best_score_: float
    trials: pd.DataFrame
    metric: str
    parameters: tuple[str, ...]
    forecasters: list

    def __repr__(self) -> str:
        shown = self.trials.drop(columns="error").head().to_string(float_format="{:.4g}".format)
        return f"best of {len(self.trials)} configurations by {self.metric}\n{shown}"

    def top(self, n: int) -> list:
        """Return the best forecasters, unfitted, to be combined or looked at.

        Parameters
        ----------
        n : int
            How many, at most as many as there are.

        Returns
        -------
        list of forecasters
        """
        return [clone(model) for model in self.forecasters[:n]]

    def ensemble(self, n: int = 5) -> EnsembleForecaster:
        """Return the median of the best forecasters, unfitted: less at the mercy of a single choice.

        Parameters
        ----------
        n : int, default=5
            How many.

        Returns
        -------
        EnsembleForecaster
        """
        return EnsembleForecaster(self.top(n), method="median")


def summarise(
    candidates: Sequence[Configuration], names: Sequence[str], n_combined: int, fit: Any
) -> TuningResult:
    """Rank the candidates; ``fit`` the best, or the median of the ``n_combined`` best that did not fail.

    Raises
    ------
    RuntimeError
        If every candidate failed.
    """
    order = sorted(range(len(candidates)), key=lambda i: (-candidates[i].n_judged, candidates[i].cost))
    best = candidates[order[0]]
    task = best.task
    if not np.isfinite(best.cost):
        raise RuntimeError(
            f"all {len(candidates)} configurations failed, the first with: {best.error or 'a diverged forecast'}; "
            "narrow the space, shorten the horizon of cv, or give a longer series"
        )
    rows = []
    for one in (candidates[i] for i in order):
        row = {name: one.configuration[name] for name in names}
        if "readout" in one.chosen:
            row["alpha"] = one.chosen["readout"].alpha
        value = -one.cost if task.metric.best == "high" else one.cost
        rows.append(
            row | {"score": value, "windows": one.n_judged, "seconds": one.seconds, "error": one.error}
        )
    trials = pd.DataFrame(rows, index=order)
    parameters = tuple(name for name in trials.columns[:-4])
    for name in names:
        values = [row[name] for row in rows]
        if any(value is None for value in values):  # pandas would write NaN, and 3.0 for a 3 beside it
            trials[name] = pd.Series(values, order, dtype=object)
    good = [clone(candidates[i].model) for i in order if np.isfinite(candidates[i].cost)]
    if n_combined > 1:  # members share one rule for missing values
        good = [model for model in good if model.missing_rule() == good[0].missing_rule()]
    good = good[:n_combined]
    return TuningResult(
        best_forecaster_=fit(good[0] if len(good) == 1 else EnsembleForecaster(good, method="median")),
        best_params_=best.configuration | best.chosen,
        best_score_=float(trials["score"].iloc[0]),
        trials=trials,
        metric=task.metric_name,
        parameters=parameters,
        forecasters=[candidates[i].model for i in order],
    )
