"""EnsembleForecaster: several forecasters combined into one."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.base.distribution_forecaster import DistributionForecaster
from forecasting.base.forecaster import Forecaster
from forecasting.base.tags import ForecasterTags
from forecasting.intervals.conformal import errors_from, rolling_origins
from forecasting.series.calendar_features import calendar_width
from forecasting.series.missing import shared_rule
from reservoir.contracts.random_source import make_rng, seed_open_parts

_STIFFNESS = 1e3  # of the condition that weights sum to one, against errors of size one


class EnsembleForecaster(DistributionForecaster):
    r"""Combine forecasters: :math:`\hat y = \sum_i w_i \hat y_i`, or their median.

    ====================  ==================================================================================
    ``method``            weights
    ====================  ==================================================================================
    ``"mean"``            all equal: hard to beat where members are about equally good
    ``"median"``          none: the middle forecast of each step, which no single failure moves
    ``"inverse_error"``   in proportion to :math:`1 / \overline{e_i^2}`: the best ones if errors are independent
                          [1]_
    ``"stacking"``        those, none negative and one in sum, that minimise :math:`\overline{(\sum_i w_i e_i)^2}`:
                          what errors have in common counts [2]_
    ====================  ==================================================================================

    Weights are learned from rolling-origin errors of the training series: each member is fitted once more on
    the first part of every series and carried through the rest. Errors are measured in units of each series' mean
    one-step change, and one set of weights serves all series, steps and targets. If all members know the
    distribution of what they forecast, quantiles are their weighted mean (or median) too, and samples are drawn from
    members in proportion to their weights; otherwise they come from the errors of the combination.

    Parameters
    ----------
    forecasters : list or tuple of Forecaster
        They are cloned. Exogenous variables reach those that use them. Missing observations are filled where all
        have the same rule for them; otherwise put the ensemble into a `TransformedTargetForecaster` with ``missing``.
    method : {"mean", "median", "inverse_error", "stacking"}, default="mean"
    max_horizon : int, default=12
        Steps ahead over whose errors weights are learned.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every member whose own ``random_state`` is None.

    Attributes
    ----------
    forecasters_ : list of Forecaster
        The fitted clones.
    weights_ : ndarray of shape (n_forecasters,)
        All equal for "median", which does not use them for points.

    References
    ----------
    .. [1] J. M. Bates and C. W. J. Granger (1969), The combination of forecasts, Operational Research Quarterly
       20(4), 451-468.
    .. [2] L. Breiman (1996), Stacked regressions, Machine Learning 24, 49-64.

    Examples
    --------
    >>> from forecasting import Drift, EnsembleForecaster, Naive
    >>> EnsembleForecaster([Naive(), Drift()]).fit([1.0, 2.0, 4.0, 4.0]).predict(2)
    array([4.5, 5. ])
    """

    _settings = ("method",)
    _parameter_constraints: ClassVar[dict] = {
        "forecasters": [list, tuple],
        "method": [StrOptions({"mean", "median", "inverse_error", "stacking"})],
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(self, forecasters, *, method="mean", max_horizon=12, random_state=None):
        self.forecasters = forecasters
        self.method = method
        self.max_horizon = max_horizon
        self.random_state = random_state

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        self._check_members()
        members = [clone(member) for member in self.forecasters]
        if self.random_state is not None:
            rng = make_rng(self.random_state)
            for member in members:
                seed_open_parts(member, rng)
        self.forecasters_ = members
        states = [member.fit_arrays(series, X) for member, X in zip(members, self._divide(exog))]
        self.weights_ = self._learn_weights(series)
        return list(zip(*states))

    def _predict(self, states, n_steps, exog):
        answers = self._ask(lambda member, own, X: member.predict_states(own, n_steps, X), states, exog)
        return [self._combined(np.stack(paths)) for paths in zip(*answers)]

    def _update(self, states, series, exog):
        return list(
            zip(*self._ask(lambda member, own, X: member.update_states(own, series, X), states, exog))
        )

    def _restart(self, series, exog):
        parts = self._divide(exog)
        return list(zip(*(member.restart_states(series, X) for member, X in zip(self.forecasters_, parts))))

    def _trace(self, states, series, exog):
        traces = self._ask(lambda member, own, X: member.trace_states(own, series, X), states, exog)
        return [list(zip(*of_members)) for of_members in zip(*traces)]

    def _has_distribution(self):
        return all(
            isinstance(member, DistributionForecaster) and member._has_distribution()
            for member in self.forecasters_
        )

    def _predict_quantile_paths(self, states, n_steps, exog, levels):
        answers = self._ask(
            lambda member, own, X: member._predict_quantile_paths(own, n_steps, X, levels), states, exog
        )
        return [self._combined(np.stack(paths)) for paths in zip(*answers)]

    def _sample_paths(self, states, n_steps, exog, n_samples, rng):
        counts = iter(rng.multinomial(n_samples, self.weights_).tolist())

        def sample(member, own, X):
            n = next(counts)
            nothing = np.empty((0, n_steps, self.n_targets_))
            return member._sample_paths(own, n_steps, X, n, rng) if n else [nothing] * len(own)

        answers = self._ask(sample, states, exog)
        return [np.concatenate(paths)[rng.permutation(n_samples)] for paths in zip(*answers)]

    def _unknown_ahead(self):
        readers = [member for member in self.forecasters_ if member.own_tags().uses_exog]
        columns = [set(member._unknown_ahead()) for member in readers]
        return tuple(sorted(set.intersection(set(range(self.n_features_in_)), *columns)))

    def _calendar(self):
        self._check_members()
        return _calendars_of(self.forecasters)

    def _missing(self):
        self._check_members()
        return shared_rule(member.missing_rule() for member in self.forecasters)

    def _forecaster_tags(self):
        own = [member.own_tags() for member in self.forecasters]
        return ForecasterTags(
            uses_exog=any(tags.uses_exog for tags in own),
            uses_newest=all(tags.uses_newest for tags in own),
            prefix_consistent=all(tags.prefix_consistent for tags in own),
            accepts_unseen=all(tags.accepts_unseen for tags in own),
            centred_intervals=not self._may_know_distribution(),
            conformal_intervals=not self._may_know_distribution(),
        )

    # ---------------------------------------------------------------- private

    def _check_members(self):
        wrong = [member for member in self.forecasters if not isinstance(member, Forecaster)]
        if wrong or not self.forecasters:
            raise ValueError(
                f"forecasters={self.forecasters!r} must hold at least one forecaster and nothing else"
                + (f"; {wrong[0]!r} is none" if wrong else "")
            )

    def _may_know_distribution(self):
        return all(not member.own_tags().conformal_intervals for member in self.forecasters)

    def _ask(self, hook: Callable, states: list, exog: list | None) -> list:
        """Call a hook of every member with its own states and exogenous variables."""
        own = list(zip(*states))
        return [
            hook(*each) for each in zip(self.forecasters_, map(list, own), self._divide(exog), strict=True)
        ]

    def _combined(self, paths: np.ndarray) -> np.ndarray:
        """Combine forecasts (n_members, ...)."""
        if self.method == "median":
            return _median(paths)
        total = np.zeros(paths.shape[1:])
        for weight, path in zip(
            self.weights_, paths
        ):  # elementwise: the bits of a product depend on its width
            if weight > 0:  # a member without weight may diverge
                total += weight * path
        return total

    def _divide(self, exog: list | None) -> list:
        """Give every member the exogenous columns and the columns of the calendar that it uses."""
        if exog is None:
            return [None] * len(self.forecasters_)
        names = _calendars_of(self.forecasters_)
        n_given = exog[0].shape[1] - calendar_width(names)
        ends = n_given + np.cumsum([0, *(calendar_width([name]) for name in names)])
        place = {name: range(ends[i], ends[i + 1]) for i, name in enumerate(names)}
        parts: list = []
        for member in self.forecasters_:
            columns = list(range(n_given)) if member.own_tags().uses_exog else []
            columns += [column for name in member._calendar() for column in place[name]]
            parts.append([X[:, columns] for X in exog] if columns else None)
        return parts

    # ---------------------------------------------------------------- weights

    def _learn_weights(self, series: list) -> np.ndarray:
        n_members = len(self.forecasters_)
        if self.method in ("mean", "median"):
            return np.full(n_members, 1 / n_members)
        errors = np.stack([self._errors_of(member) for member in self.forecasters_])
        usable = np.isfinite(errors).all(axis=1)
        if not usable.any():
            raise ValueError("every forecaster diverged on the later part of the series: use method='median'")
        weights = np.zeros(n_members)
        learn = inverse_error_weights if self.method == "inverse_error" else stacking_weights
        weights[usable] = learn(errors[usable])
        return weights

    def _errors_of(self, member: Any) -> np.ndarray:
        """Return the rolling-origin errors of a member, in units of each series' mean change."""
        origins = rolling_origins(member)
        rolled = errors_from(origins, self.max_horizon, origins.model.predict_states, _difference)
        units = [np.where(scale > 0, scale, 1.0) for scale in self.naive_scale_]
        scaled = np.concatenate([(each / unit).ravel() for each, unit in zip(rolled, units)])
        return scaled[~np.isnan(scaled)]


def _calendars_of(members: Any) -> tuple:
    """Return the names of calendar features that any member uses, each once."""
    return tuple(dict.fromkeys(name for member in members for name in member._calendar()))


def _median(paths: np.ndarray) -> np.ndarray:
    """Median over members that have not diverged (NaN); NaN where all have."""
    middle = np.full(paths.shape[1:], np.nan)
    known = ~np.isnan(paths).all(axis=0)
    middle[known] = np.nanmedian(paths[:, known], axis=0)
    return middle


def inverse_error_weights(errors: np.ndarray) -> np.ndarray:
    """Return weights in proportion to one over the mean squared error.

    Parameters
    ----------
    errors : ndarray of shape (n_members, n_errors)

    Returns
    -------
    ndarray of shape (n_members,)
        They sum to one; members without any error share it.

    Examples
    --------
    >>> inverse_error_weights(np.array([[1.0, -1.0], [3.0, 3.0]]))
    array([0.9, 0.1])
    """
    squares = (errors**2).mean(axis=1)
    if (squares == 0).any():
        return (squares == 0) / (squares == 0).sum()
    return (1 / squares) / (1 / squares).sum()


def stacking_weights(errors: np.ndarray) -> np.ndarray:
    """Return the weights, none negative and one in sum, of least mean squared combined error.

    Parameters
    ----------
    errors : ndarray of shape (n_members, n_errors)

    Returns
    -------
    ndarray of shape (n_members,)

    Examples
    --------
    >>> opposed = np.array([[1.0, -1.0, 2.0], [-2.0, 2.0, -4.0]])
    >>> stacking_weights(opposed).round(6)
    array([0.666667, 0.333333])
    """
    n_members = len(errors)
    gram = errors @ errors.T / errors.shape[1]
    unit = np.trace(gram) / n_members or 1.0
    # Least squares on a root of the sums: as many rows as members, and one more for the sum of the weights.
    values, vectors = np.linalg.eigh(gram / unit)
    root = np.sqrt(np.maximum(values, 0.0))[:, np.newaxis] * vectors.T
    rows = np.vstack([root, np.full(n_members, _STIFFNESS)])
    weights, _ = nnls(rows, np.append(np.zeros(n_members), _STIFFNESS))
    return weights / weights.sum()


def _difference(state, truth, path):
    return truth - path
