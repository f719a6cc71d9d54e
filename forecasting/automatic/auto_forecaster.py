"""AutoForecaster: the best of many forecasters and their combinations, found within a time budget."""

from numbers import Integral, Real
from time import perf_counter
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from forecasting.automatic.candidate_models import (
    BENCHMARK,
    CandidateModel,
    Situation,
    common_season,
    make_candidates,
    situation_of,
)
from forecasting.automatic.race import Option, Race, RaceWindows, Trial, reason
from forecasting.base.delegating_forecaster import DelegatingForecaster
from forecasting.base.tags import ForecasterTags
from forecasting.composition.ensemble import EnsembleForecaster
from forecasting.intervals import conformal
from forecasting.series.missing import shared_rule
from forecasting.series.season_length import find_season
from reservoir.contracts.random_source import make_rng, seed_open_parts

_ALONE = Option(np.nan, (BENCHMARK,), "mean")  # where nothing could be compared


class AutoForecaster(DelegatingForecaster):
    """Try many forecasters within a time budget and keep the best, or the best combination.

    Every candidate is fitted before each of the last windows of the training series, what is cheap first, and its
    forecasts are scored. From the same forecasts means of up to five are scored, to which each member is added that
    helps most [1]_, and medians of the best. The winner is fitted on everything. The seasonal naive method is always
    among the candidates: on its own backtest the choice is never worse.

    A candidate is left out when a look at a small part of the data says that it would take longer than what is left
    of the budget, and given up when its windows do. A fit that runs is not interrupted, so the budget can be exceeded
    by one fit. All series of a panel get the same choice.

    A third of the budget goes to the same search on the first half of the series. Intervals are made from the errors
    of its choice over the second half, which that choice has not seen: those of the winner, which was chosen there,
    would be too small.

    Parameters
    ----------
    time_budget : float, default=60.0
        Seconds for `fit`, with the last fit on everything.
    season_length : int, optional
        Steps in a season. Default: found in the series (`forecasting.series.find_season`); 1 if there is none.
    max_horizon : int, default=12
        Steps in a window, and steps ahead that candidates learn. At most half of the shortest series.
    n_windows : int, default=3
        Windows, as many as fit into the later half of the shortest series.
    metric : {"mase", "smape", "owa"}, default="mase"
        What is compared. "mase": mean absolute error in units of the in-sample error of the seasonal naive method,
        learned before the first window. "smape": symmetric percentage error. "owa": the mean of both, each divided by
        that of the seasonal naive forecast of the same windows.
    candidates : sequence of str or dict of str to Forecaster, optional
        Names in `forecasting.automatic.candidate_models.DEFAULTS` or in ``FORECASTERS``, or forecasters. Default:
        naive, drift, ridge regressions of several lengths with and without logarithm, Theta, a larger network for
        panels of many series, a reservoir, GRU, ETS, ARIMA, LSTM. Where all have the same rule for missing
        observations, it fills them for all.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every candidate whose own ``random_state`` is None.

    Attributes
    ----------
    forecaster_ : EnsembleForecaster
        What was chosen, fitted; of one member where no combination was better.
    choice_ : str
        Its name.
    reason_ : str
        Why, in one sentence.
    trials_ : tuple of Trial
        What was tried, see `report`.
    score_ : float
        Of the choice; NaN if the series are too short to compare.
    season_length_ : int
        The season used.
    early_forecaster_ : EnsembleForecaster
        What the search on the first half chose, unfitted.
    early_lengths_ : tuple of int
        Steps of each series in that half.
    seed_ : int
        Seeds all searches.

    Notes
    -----
    With a budget that is not used up the result is repeatable; where time runs out it depends on the machine.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes (2004), Ensemble selection from libraries of models,
       ICML 21.

    Examples
    --------
    >>> import numpy as np
    >>> from forecasting import AutoForecaster
    >>> y = np.tile([1.0, 4.0, 2.0, 8.0], 12) + 0.5 * np.arange(48)
    >>> model = AutoForecaster(candidates=("naive", "drift", "theta"), max_horizon=4, n_windows=2).fit(y)
    >>> sorted(trial.name for trial in model.trials_), model.season_length_
    (['drift', 'naive', 'seasonal_naive', 'theta'], 4)
    """

    _parameter_constraints: ClassVar[dict] = {
        "time_budget": [Interval(Real, 0, None, closed="neither")],
        "season_length": [Interval(Integral, 1, None, closed="left"), None],
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
        "n_windows": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"mase", "smape", "owa"})],
        "candidates": [list, tuple, dict, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        time_budget=60.0,
        *,
        season_length=None,
        max_horizon=12,
        n_windows=3,
        metric="mase",
        candidates=None,
        random_state=None,
    ):
        self.time_budget = time_budget
        self.season_length = season_length
        self.max_horizon = max_horizon
        self.n_windows = n_windows
        self.metric = metric
        self.candidates = candidates
        self.random_state = random_state

    def report(self):
        """Return what was tried and chosen.

        Returns
        -------
        DataFrame
            A row for each candidate, best first, the choice on top if it is a combination: ``name``; ``score``,
            NaN where it was not measured; ``windows`` scored; ``seconds``; ``note``: why there is no score.
        """
        check_is_fitted(self)
        table = pd.DataFrame(self.trials_, columns=list(Trial._fields))
        table = table.sort_values("score", kind="stable", na_position="last", ignore_index=True)
        if self.choice_ not in set(table["name"]):
            n_windows = int(table["windows"].max())
            own = Trial(self.choice_, self.score_, n_windows, 0.0, "")
            table = pd.concat([pd.DataFrame([own], columns=table.columns), table], ignore_index=True)
        return table

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        began = perf_counter()
        self.seed_ = int(make_rng(self.random_state).integers(2**31 - 1))
        self.early_lengths_ = tuple(max(1, (len(y) + 1) // 2) for y in series)
        self.early_forecaster_ = self._choose_early(series, exog, self.early_lengths_)
        self.season_length_ = self._season(series)
        race, members = self._search(series, exog, self.season_length_, began + self.time_budget)
        return self._fit_best(race, members, series, exog)

    def _rolling_origins(self, initial):
        return self._early(initial)._rolling_origins(initial)

    def _origins_of_errors(self, initial):
        return self._early(initial)._origins_of_errors(initial)

    def _early(self, initial):
        """Return what was chosen on no more than the first part of the series, which it remembers."""
        cuts = [conformal.length_of_first_part(len(y), initial) for y in self.series_]
        model = clone(self.early_forecaster_)
        if any(cut < length for cut, length in zip(cuts, self.early_lengths_)):
            model = self._choose_early(self.series_, self.exog_, cuts)
        model.series_, model.exog_, model.observed_ = self.series_, self.exog_, self.observed_
        return model

    def _calendar(self):
        for candidate in self._candidates():
            if candidate.forecaster._calendar():
                raise ValueError(
                    f"candidates holds {candidate.name!r} with calendar features, which are not supported here: "
                    "pass them as columns of X"
                )
        return ()

    def _missing(self):
        return shared_rule(
            one.forecaster.missing_rule() for one in self._candidates() if one.name != BENCHMARK
        )

    def _forecaster_tags(self):
        if hasattr(self, "forecaster_"):
            members = self.forecaster_.forecasters
        else:
            members = [candidate.forecaster for candidate in self._candidates()]
        own = [member.own_tags() for member in members]
        return ForecasterTags(
            uses_exog=any(one.forecaster.own_tags().uses_exog for one in self._candidates()),
            uses_newest=all(tags.uses_newest for tags in own),
            prefix_consistent=all(tags.prefix_consistent for tags in own),
            accepts_unseen=all(tags.accepts_unseen for tags in own),
        )

    # ---------------------------------------------------------------- private

    def _candidates(self) -> list[CandidateModel]:
        """Return the candidates as they would be for long series."""
        horizon, season = self.max_horizon, self.season_length or 1
        return make_candidates(self.candidates, Situation(season, horizon, 100 * (horizon + season), True))

    def _season(self, series):
        return self.season_length or common_season(series, find_season)

    def _choose_early(self, series, exog, lengths):
        """Return what is best on the first steps of each series, unfitted."""
        heads = [y[:n] for y, n in zip(series, lengths)]
        past = None if exog is None else [X[:n] for X, n in zip(exog, lengths)]
        deadline = perf_counter() + self.time_budget / 3
        race, members = self._search(heads, past, self._season(heads), deadline)
        best = race.options()[0] if race.paths else _ALONE
        return EnsembleForecaster([members[name] for name in best.members], method=best.method)

    def _search(self, series, exog, season, deadline):
        """Return the race of all candidates, and their forecasters by name."""
        shortest = min(map(len, series))
        plan = RaceWindows.of(shortest, self.max_horizon, self.n_windows)
        first_part = shortest - plan.horizon * plan.n_windows
        situation = situation_of(series, season, plan.horizon or 1, first_part)
        members = {}
        rng = make_rng(self.seed_)
        for one in make_candidates(self.candidates, situation):
            members[one.name] = one._replace(forecaster=clone(one.forecaster))
            seed_open_parts(
                members[one.name].forecaster, rng
            )  # what is fitted in the end is what was compared
        race = Race(series, exog, plan, season, deadline, self.metric)
        if plan.n_windows:
            race.run(list(members.values()))
        return race, {name: one.forecaster for name, one in members.items()}

    def _fit_best(self, race: Race, members: dict, series: list, exog: list | None) -> list:
        """Fit the best option that can be fitted on everything."""
        error = None
        for option in [*race.options(), _ALONE, *(Option(np.nan, (name,), "mean") for name in members)]:
            model = EnsembleForecaster([members[name] for name in option.members], method=option.method)
            try:
                states = model.fit_arrays(series, exog)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError) as failure:
                error = error or failure
                continue
            self.forecaster_, self.choice_, self.score_ = model, option.name, option.score
            self.trials_, self.reason_ = tuple(race.trials), reason(option, race)
            return states
        raise ValueError(f"no candidate could be fitted on the {min(map(len, series))} step(s) of y: {error}")
