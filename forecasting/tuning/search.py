"""tune: search the parameters of any forecaster on rolling origins."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

from threadpoolctl import threadpool_limits

from forecasting.backtesting.left_out_windows import LeaveWindowOut
from forecasting.backtesting.rolling_origin import RollingOrigin
from forecasting.backtesting.run import check_missing
from forecasting.tuning.configurations import Configuration, read_task
from forecasting.tuning.free_run_search import FreeRunCandidate, runs_free
from forecasting.tuning.rounds import plan, run_rounds
from forecasting.tuning.search_result import TuningResult, summarise
from forecasting.tuning.spaces import default_space, draw_configurations
from reservoir.kernels.threads import check_n_jobs

N_COMBINED = {Configuration: 1, FreeRunCandidate: 5}  # of the best configurations: see `tune`


def tune(
    forecaster: Any,
    y: Any,
    X: Any = None,
    *,
    cv: Any = None,
    horizon: int | None = None,
    space: Mapping[str, Any] | None = None,
    metric: str | Callable[..., float] = "mae",
    n_configurations: int = 50,
    method: str = "random",
    n_combined: int | None = None,
    season_length: int = 1,
    n_jobs: int | None = None,
    progress: bool = False,
    random_state: Any = None,
) -> TuningResult:
    """Search the parameters of a forecaster by random configurations, each judged on rolling origins.

    Every configuration is refitted at every window of ``cv`` and its forecast scored. A recursive
    `ReservoirForecaster` whose penalty is open is judged by free runs instead: fitted before the first window
    and carried on through the others, so that the series drives its reservoir once and one factorisation gives
    the readout of every penalty, of which the best is kept; a configuration of which every penalty diverges is
    given up at once. The part that a sliding window trains on then begins with the state that the series before it
    has left, where a fit begins at rest.

    Parameters
    ----------
    forecaster : forecaster
        Its parameters outside the space stay. Where its ``random_state`` is None every configuration draws a seed
        of its own, which is then a part of it.
    y : container of shape (n_steps,) or (n_steps, n_targets), or a panel
        Whatever forecasters take. It may miss values (NaN) if the forecaster has a rule that fills them, which may
        be searched too; as in `backtest`, steps that were not observed are not scored.
    X : container, optional
        Exogenous variables, known in advance.
    cv : RollingOrigin, LeaveWindowOut or scikit-learn splitter, optional
        The windows. Default: five of ``horizon`` steps, left out all over the series where free runs judge
        (`LeaveWindowOut`), otherwise the last ones (`RollingOrigin`).
    horizon : int, optional
        Steps ahead that count, in place of ``cv``. Default: the forecaster's ``max_horizon``; 12 if it has none.
    space : dict, optional
        Parameter name to a list of values or to a distribution with ``rvs``, as for ``RandomizedSearchCV``.
        Default: `default_space`, for reservoir forecasters.
    metric : str or callable, default="mae"
        Name in the table ``METRICS`` of a score of point forecasts, or a function of ``(y_true, y_pred)`` of which
        lower is better.
    n_configurations : int, default=50
        How many to draw; a space of fewer points is searched whole.
    method : {"random", "halving"}, default="random"
        Judge all configurations on all windows, or by successive halving: all on a few windows, the best third
        on three times as many, and so on.
    n_combined : int, optional
        How many of the best configurations ``best_forecaster_`` is the median of. Default: 5 where they are judged
        by free runs, since the best of many on a few windows may still leave the attractor elsewhere; otherwise 1,
        the best alone. Only a single reservoir has a closed loop to look into.
    season_length : int, default=1
        Steps in a season, for metrics that scale by it.
    n_jobs : int, optional
        Threads over configurations, counted as joblib does. The result does not depend on it.
    progress : bool, default=False
        Show a bar.
    random_state : int, RandomState, Generator or None, default=None
        Draws the configurations.

    Returns
    -------
    TuningResult

    Raises
    ------
    ValueError
        If ``space`` is missing or names unknown parameters, the metric is unknown, or an argument is out of range.
    RuntimeError
        If every configuration failed.

    References
    ----------
    J. Bergstra and Y. Bengio, Random search for hyper-parameter optimization, JMLR 13 (2012) 281-305. K. Jamieson
    and A. Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, AISTATS 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from forecasting import RollingOrigin, SeasonalNaive
    >>> y = np.tile([0.0, 1.0, 5.0, 2.0], 10)
    >>> found = tune(SeasonalNaive(), y, cv=RollingOrigin(6, n_windows=3), space={"season_length": range(1, 6)})
    >>> found.best_params_, found.best_score_, len(found.trials)
    ({'season_length': 4}, 0.0, 5)
    """
    if method not in ("random", "halving"):
        raise ValueError(f"method must be 'random' or 'halving'; got {method!r}")
    if not isinstance(n_configurations, Integral) or n_configurations < 1:
        raise ValueError(f"n_configurations must be an integer of at least 1; got {n_configurations!r}")
    if n_combined is not None and (not isinstance(n_combined, Integral) or n_combined < 1):
        raise ValueError(f"n_combined must be an integer of at least 1, or None; got {n_combined!r}")
    check_n_jobs(n_jobs)
    space = default_space(forecaster) if space is None else space
    kind = FreeRunCandidate if runs_free(forecaster, space) else Configuration
    task = read_task(forecaster, y, X, _windows(cv, horizon, forecaster, kind), metric, season_length)
    drawn = draw_configurations(forecaster, space, int(n_configurations), random_state)
    if task.leaves_out and kind is Configuration:
        raise ValueError(
            f"cv={cv!r} trains on both sides of a window, which only a recursive ReservoirForecaster with an open "
            "penalty and without noise can; use RollingOrigin"
        )
    candidates = [kind(task, configuration) for configuration in drawn]
    if kind is FreeRunCandidate:  # no configuration of it has a rule for missing values
        check_missing({type(forecaster).__name__: forecaster}, task.series)
    run_rounds(candidates, plan(method, len(candidates), len(task.windows)), n_jobs, progress)

    def fit(model: Any) -> Any:
        with threadpool_limits(1, "blas"):
            return model.fit(y) if X is None else model.fit(y, X)

    return summarise(candidates, sorted(drawn[0]), n_combined or N_COMBINED[kind], fit)


def _windows(cv: Any, horizon: int | None, forecaster: Any, kind: type) -> Any:
    """Return the splitter that was given, or the default one."""
    if cv is not None:
        if horizon is not None:
            raise ValueError(f"horizon={horizon!r} is that of the default windows; cv={cv!r} has its own")
        return cv
    if horizon is None:
        horizon = getattr(forecaster, "max_horizon", 12)
    return LeaveWindowOut(horizon) if kind is FreeRunCandidate else RollingOrigin(horizon)
