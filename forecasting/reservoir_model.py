"""ReservoirForecaster: a reservoir that reads the series and a readout that continues it."""

import warnings
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from forecasting.base import Forecaster
from forecasting.differences import Differences
from forecasting.tags import ForecasterTags
from reservoir import EchoState, RidgeReadout
from reservoir.base import Reservoir
from reservoir.harvest import train_readout
from reservoir.random_source import make_rng, seed_open_parts
from reservoir.sequences import Layout


class _State(NamedTuple):
    """Where one series stands.

    ``reservoir`` (state_size,), driven up to but not including the last observation; ``tail``
    (1 + sum of the lags, n_targets), the last observations; ``centre``, ``scale`` (n_targets,).
    """

    reservoir: np.ndarray
    tail: np.ndarray
    centre: np.ndarray
    scale: np.ndarray


class ReservoirForecaster(Forecaster):
    r"""Forecast with a reservoir: it reads the series, a linear readout continues it.

    With ``z`` the series after differencing and standardising and ``x`` the exogenous variables,

    .. math::

        s(t) = F\big(s(t-1), [z(t-1), x(t)]\big), \qquad \hat z(t) = V [s(t), z(t-1), x(t)] + c

    ``recursive`` runs free: each forecast is the next input. ``direct`` learns one readout for each of
    ``max_horizon`` steps ahead.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState(300, topology="circular", leak_rate=0.5, input_scaling=0.5)``. It is cloned.
    readout : linear regressor, optional
        With ``coef_`` and ``intercept_``. Default: ``RidgeReadout`` over a path of penalties.
    strategy : {"recursive", "direct"}, default="recursive"
    max_horizon : int, default=24
        Steps ahead that ``direct`` learns; ``recursive`` has no limit.
    differences : tuple of int, default=()
        Lags of the differences taken first and undone last: (1,) removes a trend, (12,) the yearly season of
        monthly data, (1, 12) both.
    scaling : {"panel", "series", None}, default="panel"
        Standardise by mean and standard deviation of all training series together, of each series (an unseen
        one by its own context), or not at all. Exogenous variables are standardised over all series.
    washout : int, default=50
        Steps at the start of each series that are left out of training; at most half of it.
    input_skip : bool, default=True
        Let the readout see the inputs beside the states.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every part whose own ``random_state`` is None.

    Attributes
    ----------
    reservoir_ : Reservoir
        The fitted clone.
    readouts_ : list of regressors
        The fitted clones: one for ``recursive``, one per step ahead for ``direct``.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(0.3 * np.arange(500.0))
    >>> forecaster = ReservoirForecaster(random_state=0).fit(y[:400])
    >>> bool(np.abs(forecaster.predict(50) - y[400:450]).max() < 0.01)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "readout": [HasMethods(["fit", "predict"]), None],
        "strategy": [StrOptions({"recursive", "direct"})],
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
        "differences": ["array-like", tuple],
        "scaling": [StrOptions({"panel", "series"}), None],
        "washout": [Interval(Integral, 0, None, closed="left")],
        "input_skip": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        reservoir=None,
        *,
        readout=None,
        strategy="recursive",
        max_horizon=24,
        differences=(),
        scaling="panel",
        washout=50,
        input_skip=True,
        random_state=None,
    ):
        self.reservoir = reservoir
        self.readout = readout
        self.strategy = strategy
        self.max_horizon = max_horizon
        self.differences = differences
        self.scaling = scaling
        self.washout = washout
        self.input_skip = input_skip
        self.random_state = random_state

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        differences = Differences(self.differences)
        _check_lengths(series, differences.span + 2, "y")
        self._learn_scaling([differences.apply(y) for y in series], exog)
        levels = [self._level(y) for y in series]
        standard = [self._standardised(y, level) for y, level in zip(series, levels)]
        lengths = np.array([len(z) - 1 for z in standard])
        known = [self._exog(X, n) for X, n in zip(_each(exog, series), lengths)]
        inputs = np.hstack([np.concatenate([z[:-1] for z in standard]), np.concatenate(known)])
        targets = np.concatenate([z[1:] for z in standard])
        final = self._learn(inputs, targets, Layout(lengths, "stacked"))
        n_kept = differences.span + 1
        return [_State(state, y[-n_kept:].copy(), *level) for state, y, level in zip(final, series, levels)]

    def _predict(self, states, n_steps, exog):
        if self.strategy == "direct" and n_steps > self.max_horizon:
            raise ValueError(
                f"horizon reaches {n_steps} steps ahead, but max_horizon={self.max_horizon}: set max_horizon to the "
                'longest horizon before fit, or strategy="recursive"'
            )
        ahead = self._ahead_free if self.strategy == "recursive" else self._ahead_direct
        paths = []
        for state, X in zip(states, _each(exog, states)):
            z = ahead(state, n_steps, self._exog(X, n_steps))
            y = z * state.scale + state.centre
            paths.append(Differences(self.differences).undo(y, state.tail))
        return paths

    def _update(self, states, series, exog):
        return [trace[-1] for trace in self._trace(states, series, exog)]

    def _restart(self, series, exog):
        n_kept = Differences(self.differences).span + 1
        _check_lengths(series, n_kept, "context")
        rest = self.reservoir_._zero_states(1, np.float64)[0]
        states = []
        for y, X in zip(series, _each(exog, series)):
            state = _State(rest, y[:n_kept], *self._level(y))
            states.append(self._advance(state, y[n_kept:], None if X is None else X[n_kept:])[-1])
        return states

    def _trace(self, states, series, exog):
        exog = _each(exog, series)
        return [self._advance(state, y, X)[1:] for state, y, X in zip(states, series, exog)]

    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True)

    # --------------------------------------------------------------- learning

    def _learn(self, inputs, targets, layout):
        """Draw the reservoir and fit the readouts; return the states that have seen all but the last row."""
        rng = make_rng(self.random_state)
        self.reservoir_ = _default_reservoir() if self.reservoir is None else clone(self.reservoir)
        readout = _default_readout() if self.readout is None else self.readout
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, rng)
        self.reservoir_.fit(np.zeros((1, inputs.shape[1])))
        options = {"washout": self.washout, "noise_seed": int(rng.integers(2**63))}
        parts = self.reservoir_, inputs
        if self.strategy == "recursive":
            self.readouts_ = [clone(readout)]
            features = self._features_of(inputs)
            return train_readout(self.readouts_[0], *parts, targets, layout, features, **options)
        left = np.concatenate([np.arange(n, 0, -1) for n in layout.lengths])  # targets from each row on
        self.readouts_ = []
        for steps in self._heads(inputs.shape[1] > self.n_targets_):
            later = [np.minimum(np.arange(len(inputs)) + k, len(inputs) - 1) for k in steps]
            self.readouts_.append(clone(readout))
            features = self._features_of(inputs, inputs[later[0], self.n_targets_ :])
            wanted = np.hstack([targets[rows] for rows in later])
            usable = left > steps[-1]
            final = train_readout(self.readouts_[-1], *parts, wanted, layout, features, usable=usable, **options)
        return final

    def _heads(self, with_exog):
        """Steps ahead of each direct readout: all in one, unless each sees exogenous variables of its own."""
        return [[k] for k in range(self.max_horizon)] if with_exog else [list(range(self.max_horizon))]

    def _features_of(self, inputs, later_exog=None):
        """What a readout sees of the rows ``index``: states, inputs, exogenous variables of its own step."""
        beside = inputs if self.input_skip else inputs[:, :0]
        if later_exog is not None:
            beside = np.hstack([beside, later_exog])
        return lambda states, index: np.hstack([states, beside[index]])

    def _learn_scaling(self, differenced, exog):
        self.centre_, self.scale_ = _moments(np.concatenate(differenced), self.scaling is not None)
        if exog is not None:
            self.exog_centre_, self.exog_scale_ = _moments(np.concatenate(exog), self.scaling is not None)

    # -------------------------------------------------------------- advancing

    def _level(self, y):
        """Centre and scale of the differences of one series."""
        if self.scaling != "series":
            return self.centre_, self.scale_
        return _moments(Differences(self.differences).apply(y), True)

    def _standardised(self, y, level):
        centre, scale = level
        return (Differences(self.differences).apply(y) - centre) / scale

    def _exog(self, X, n_steps):
        """Standardised exogenous variables of the last ``n_steps`` rows; without any, no columns."""
        if X is None:
            return np.zeros((n_steps, 0))
        return (X[len(X) - n_steps :] - self.exog_centre_) / self.exog_scale_

    def _advance(self, state, y, X):
        """Return the states before and after each further observation of one series."""
        seen = np.concatenate([state.tail, y])
        z = self._standardised(seen, (state.centre, state.scale))
        rows = np.hstack([z[:-1], self._exog(X, len(y))])
        carried = self._carried(state.reservoir, rows)
        n_kept = len(state.tail)
        return [state._replace(reservoir=r, tail=seen[t : t + n_kept]) for t, r in enumerate(carried)]

    def _carried(self, initial, rows):
        """Return the reservoir's state before and after each row."""
        if self.reservoir_.states_are_state and len(rows):
            states, _ = self.reservoir_._run(rows, Layout(np.array([len(rows)]), "single"), initial[np.newaxis])
            return [initial, *states]
        carried = [initial]
        for row in rows:
            one = Layout(np.array([1]), "single")
            _, state = self.reservoir_._run(row[np.newaxis], one, carried[-1][np.newaxis])
            carried.append(state[0])
        return carried

    # ------------------------------------------------------------- forecasting

    def _ahead_free(self, state, n_steps, exog):
        coef, intercept = _linear(self.readouts_[0])
        n_states, n_targets = self.reservoir_.n_states_, self.n_targets_
        of_inputs = coef[:, n_states:] if self.input_skip else np.zeros((n_targets, n_targets + exog.shape[1]))
        weights = np.hstack([coef[:, :n_states], of_inputs[:, :n_targets]])
        constant = intercept + exog @ of_inputs[:, n_targets:].T
        last = self._standardised(state.tail, (state.centre, state.scale))[-1]
        z, _, n_done = self.reservoir_.run_free(n_steps, weights, constant, state.reservoir, last, exog)
        if n_done < n_steps:
            warnings.warn(
                f"the free run diverged at step {n_done} of {n_steps}, forecasts from there on are NaN: lower the "
                "spectral radius, raise alpha of the readout, or train with noise in the reservoir",
                RuntimeWarning,
                stacklevel=4,
            )
        return z

    def _ahead_direct(self, state, n_steps, exog):
        last = self._standardised(state.tail, (state.centre, state.scale))[-1]
        row = np.concatenate([last, exog[0]])[np.newaxis]
        one = Layout(np.array([1]), "single")
        states, _ = self.reservoir_._run(row, one, state.reservoir[np.newaxis])
        answers = []
        for steps, readout in zip(self._heads(exog.shape[1] > 0), self.readouts_):
            if steps[0] < n_steps:
                seen = self._features_of(row, exog[steps[0] : steps[0] + 1])(states, slice(None))
                answers.append(readout.predict(seen).reshape(-1, self.n_targets_))
        return np.concatenate(answers)[:n_steps]


def _default_reservoir() -> EchoState:
    return EchoState(300, topology="circular", leak_rate=0.5, input_scaling=0.5)


def _default_readout() -> RidgeReadout:
    return RidgeReadout(alphas=np.logspace(-8, 3, 23))


def _moments(values: np.ndarray, wanted: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, 0 and 1 if not wanted; a constant column has scale 1."""
    if not wanted:
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    spread = values.std(axis=0)
    tiny = 10 * np.finfo(float).eps * np.abs(values).max(axis=0)
    return values.mean(axis=0), np.where(spread > tiny, spread, 1.0)


def _linear(readout: Any) -> tuple[np.ndarray, np.ndarray]:
    if not hasattr(readout, "coef_"):
        raise ValueError(
            f"readout={readout!r} is not linear: strategy='recursive' needs coef_ and intercept_, as RidgeReadout "
            "has; other regressors work with strategy='direct'"
        )
    return np.atleast_2d(readout.coef_), np.atleast_1d(readout.intercept_)


def _check_lengths(series: list, least: int, name: str) -> None:
    for i, y in enumerate(series):
        if len(y) < least:
            raise ValueError(
                f"series {i} of {name} has {len(y)} step(s), at least {least} are needed with these differences: give "
                "a longer series or shorter lags"
            )


def _each(exog: list | None, series: list) -> list:
    return [None] * len(series) if exog is None else exog
