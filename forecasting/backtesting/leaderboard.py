"""Leaderboards: models over the windows, series and data sets of backtests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecasting.backtesting.result import BacktestResult
from forecasting.backtesting.significance import diebold_mariano
from forecasting.metrics import METRICS


def score_table(results: Any, metric: str | None = None) -> pd.DataFrame:
    """Return the scores of backtests side by side: a row per window, series and data set, a column per model.

    Parameters
    ----------
    results : BacktestResult or dict of name to BacktestResult
        Of the same models.
    metric : str, optional
        By default the first.

    Returns
    -------
    DataFrame
        Its index has the levels ``data``, ``series``, ``window``, as far as there are several; the columns of
        `forecasting.backtesting.significance.friedman_nemenyi`.

    Raises
    ------
    ValueError
        If the metric was not measured, or the models differ between data sets.

    Examples
    --------
    >>> from forecasting import Drift, Naive, RollingOrigin, backtest
    >>> cv = RollingOrigin(1, n_windows=2)
    >>> result = backtest([Naive(), Drift()], [1.0, 2.0, 4.0, 7.0, 11.0], cv=cv, metrics="mae")
    >>> score_table(result).round(2).to_dict("list")
    {'Naive': [3.0, 4.0], 'Drift': [1.5, 2.0]}
    """
    named = dict(results) if isinstance(results, Mapping) else {"": results}
    tables = {}
    for name, result in named.items():
        known = list(dict.fromkeys(result.scores["metric"]))
        wanted = known[0] if metric is None else metric
        if wanted not in known:
            raise ValueError(f"metric={metric!r} was not measured; the backtest has {known}.")
        chosen = result.scores[result.scores["metric"] == wanted]
        if len(named) > 1 and "series" not in chosen:
            chosen = chosen.assign(series=0)  # beside panels
        keys = ["series", "window"] if "series" in chosen else ["window"]
        tables[name] = chosen.pivot(index=keys, columns="model", values="value")[
            list(dict.fromkeys(chosen["model"]))
        ]
    first = next(iter(tables.values()))
    for name, table in tables.items():
        if set(table.columns) != set(first.columns):
            raise ValueError(f"{name!r} has the models {sorted(table)}, another has {sorted(first)}.")
    whole = first if len(tables) == 1 else pd.concat(tables, names=["data"])
    return whole.rename_axis(columns=None)


def leaderboard(results: Any, metric: str | None = None, *, benchmark: str | None = None) -> pd.DataFrame:
    """Rank models over the windows, series and data sets of backtests.

    Parameters
    ----------
    results : BacktestResult or dict of name to BacktestResult
        Of the same models.
    metric : str, optional
        By default the first.
    benchmark : str, optional
        A model; by default none.

    Returns
    -------
    DataFrame
        One row per model, the best mean first: ``score``, the mean over all; ``mean_rank``; ``wins``, the fraction
        of cases where none is better (of ``coverage``: nearer to the nominal one); ``relative``, the geometric mean
        of its score over that of the benchmark, data set by data set; ``pvalue``, of a two-sided Diebold-Mariano
        test of the mean over series of each window against the best model (NaN for itself, with fewer than three
        windows, and where the variance cannot be estimated); ``seconds`` to fit and predict, per window; ``failed``
        windows. Cases where any model failed count for none but for ``failed``.

    Raises
    ------
    ValueError
        If the metric was not measured, or there is no such benchmark.

    Examples
    --------
    >>> from forecasting import Drift, Naive, RollingOrigin, backtest, leaderboard
    >>> cv = RollingOrigin(1, n_windows=2)
    >>> result = backtest([Naive(), Drift()], [1.0, 2.0, 4.0, 7.0, 11.0], cv=cv, metrics="mae")
    >>> leaderboard(result, benchmark="Naive")[["score", "mean_rank", "wins", "relative"]]
           score  mean_rank  wins  relative
    Drift   1.75        1.0   1.0       0.5
    Naive   3.50        2.0   0.0       1.0
    """
    named = dict(results) if isinstance(results, Mapping) else {"": results}
    tables = {name: score_table(result, metric).dropna() for name, result in named.items()}
    whole = score_table(results, metric).dropna()
    if benchmark is not None and benchmark not in whole:
        raise ValueError(f"benchmark={benchmark!r} is none of the models {list(whole.columns)}.")
    first = next(iter(named.values()))
    loss = _loss_of(metric or first.scores["metric"].iloc[0], first.coverage)
    board = pd.DataFrame({"score": whole.mean(), "mean_rank": loss(whole).rank(axis=1).mean()})
    board["wins"] = loss(whole).eq(loss(whole).min(axis=1), axis=0).mean()
    if benchmark is not None:
        means = pd.DataFrame({key: table.mean() for key, table in tables.items()})
        with np.errstate(divide="ignore", invalid="ignore"):  # a perfect forecast scores 0
            board["relative"] = np.exp(np.log(means / means.loc[benchmark]).mean(axis=1))
    order = loss(board["score"]).sort_values(kind="stable", na_position="last").index
    best, tables = order[0], {key: loss(table) for key, table in tables.items()}
    board["pvalue"] = [_compared(tables, named, model, best) for model in board.index]
    timings = pd.concat([result.summary for result in named.values()])
    board["seconds"] = (timings["fit_seconds"] + timings["predict_seconds"]).groupby(level=0).mean()
    board["failed"] = timings["failed"].groupby(level=0).sum()
    return board.loc[order]


def _loss_of(metric: str, coverage: float | None) -> Callable[[Any], Any]:
    """Return the function of a metric's values that is least where they are best."""
    best = METRICS[metric].best if metric in METRICS else "low"
    if best == "nominal" and coverage is not None:
        return lambda values: (values - coverage).abs().round(12)  # equally far above and below
    return lambda values: -values if best == "high" else values


def _compared(
    tables: dict[str, pd.DataFrame], named: dict[str, BacktestResult], model: str, best: str
) -> float:
    """P-value of a model against the best, over the windows of all data sets."""
    if model == best:
        return np.nan
    losses = [table.groupby(level="window").mean() for table in tables.values()]
    whole = pd.concat(losses)
    overlap = max(_overlap(result) for result in named.values()) if len(named) == 1 else 1
    try:
        return (
            diebold_mariano(whole[model], whole[best], horizon=overlap).pvalue if len(whole) > 2 else np.nan
        )
    except ValueError:
        return np.nan


def _overlap(result: BacktestResult) -> int:
    """How many windows in a row share steps, itself included."""
    if result.forecasts is None:
        return 1
    steps = result.forecasts
    if "series" in steps:
        steps = steps[steps["series"] == steps["series"].iloc[0]]
    spans = steps[steps["model"] == steps["model"].iloc[0]].groupby("window")["time"].agg(["min", "max"])
    shared = (spans["min"].to_numpy()[np.newaxis] <= spans["max"].to_numpy()[:, np.newaxis]).sum(axis=1)
    return max(1, int((shared - np.arange(len(spans))).max()))
