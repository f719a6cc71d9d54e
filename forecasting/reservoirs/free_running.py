"""ReservoirForecaster: a reservoir that reads the series and a readout that continues it."""

from copy import copy
from functools import partial
from itertools import accumulate
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from forecasting.base.forecaster import Forecaster
from forecasting.base.tags import ForecasterTags
from forecasting.intervals.conformal import rolling_origins, rolling_residuals
from forecasting.reservoirs.divergence import without_divergence
from forecasting.reservoirs.free_run_validation import HELD_OUT, wants_free_run, with_validated_penalty
from forecasting.reservoirs.readout_design import ReadoutDesign
from forecasting.reservoirs.standard_inputs import StandardInputs
from forecasting.series.differencing import Differences
from forecasting.series.standard_units import moments
from reservoir import EchoState, RidgeReadout
from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng, seed_open_parts
from reservoir.contracts.series_layout import Layout
from reservoir.contracts.settings import check_settings
from reservoir.models.closed_loop import ClosedLoop, is_linear, linear_readout, run_free_with
from reservoir.models.harvest import harvest, train_readout
from reservoir.readouts.linearised_noise import noise_penalties
from reservoir.reservoirs.base_reservoir import Reservoir, refuse_future

_CANDIDATE_DIFFERENCES = ((), (1,))
_LEAST_STEPS_TO_CHOOSE = 30


class SeriesState(NamedTuple):
    """Where one series stands.

    ``reservoir`` (state_size,), driven up to but not including the last observation; ``tail``
    (1 + sum of the lags, n_targets), the last observations.
    """

    reservoir: np.ndarray
    tail: np.ndarray


def _default_reservoir() -> EchoState:
    return EchoState(300, topology="circular", input_scaling=0.3)


def _default_readout() -> RidgeReadout:
    return RidgeReadout(alphas=np.logspace(-8, 3, 23))


class ReservoirForecaster(DefaultParts, Forecaster):
    r"""Forecast with a reservoir: it reads the series, a linear readout continues it.

    With ``z`` the series after differencing and standardising and ``x`` the exogenous variables,

    .. math::

        s(t) = F\big(s(t-1), [z(t-1), x(t)]\big), \qquad \hat z(t) = V [s(t), z(t-1), x(t)] + c

    ``recursive`` runs free: each forecast is the next input. ``direct`` learns one readout for each of
    ``max_horizon`` steps ahead.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState(300, topology="circular", input_scaling=0.3)``. It is cloned.
    readout : regressor, optional
        Linear ones run free in compiled code, others are asked at every step. Default: ``RidgeReadout`` over a
        path of penalties. For ``recursive``, a ``RidgeReadout`` with ``alphas`` and ``selection="auto"`` takes
        the penalty whose free runs are best over the last part of the training series; "loo" and "gcv" judge one
        step ahead.
    strategy : {"recursive", "direct"}, default="recursive"
    max_horizon : int, default=24
        Steps ahead that ``direct`` learns (beyond it goes on from its own forecasts), and over which
        ``recursive`` chooses the penalty.
    differences : tuple of int or "auto", default="auto"
        Lags of the differences taken first and undone last: () none, (1,) removes a trend, (12,) the yearly
        season of monthly data, (1, 12) both. "auto" takes () or (1,), whichever forecasts the last part of the
        training series better over ``max_horizon`` steps.
    standardize : bool, default=True
        Subtract the mean and divide by the standard deviation of the training series, all together, after
        differencing; likewise for exogenous variables.
    washout : int, default=50
        Steps at the start of each series that are left out of training; at most half of it.
    input_skip : bool, default=True
        Let the readout see the inputs beside the states.
    linearised_noise : float, default=0.0
        Standard deviation, in standard units, of noise on the fed back series that ``recursive`` is trained to
        withstand without any being drawn: it keeps long free runs on the attractor. See
        :mod:`reservoir.readouts.linearised_noise`.
    linearised_noise_steps : int, default=16
        Steps whose noise counts; 1 penalises the Jacobian of a single step.
    escape_factor : float or None, default=10.0
        A free run has left the attractor when it is further from the middle of the training range (after
        differencing) than this many times half of it: it stops with a warning, NaN from there on. None lets
        it run.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every part whose own ``random_state`` is None.

    Attributes
    ----------
    reservoir_ : Reservoir
        The fitted clone.
    differences_ : tuple of int
        The lags used.
    readouts_ : list of regressors
        The fitted clones: one for ``recursive``, one per step ahead for ``direct``.
    inputs_ : StandardInputs
        The differences and scales that were learned, from a series to the inputs of the reservoir.
    range_ : ndarray of shape (2, n_targets)
        Smallest and largest values in training, after differencing.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(0.3 * np.arange(500.0))
    >>> forecaster = ReservoirForecaster(random_state=0).fit(y[:400])
    >>> bool(np.abs(forecaster.predict(50) - y[400:450]).max() < 0.01)
    True
    """

    _settings = ("strategy", "max_horizon", "input_skip")
    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "readout": [HasMethods(["fit", "predict"]), None],
        "strategy": [StrOptions({"recursive", "direct"})],
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
        "differences": [StrOptions({"auto"}), "array-like", tuple],
        "standardize": ["boolean"],
        "washout": [Interval(Integral, 0, None, closed="left")],
        "input_skip": ["boolean"],
        "linearised_noise": [Interval(Real, 0, None, closed="left")],
        "linearised_noise_steps": [Interval(Integral, 1, None, closed="left")],
        "escape_factor": [Interval(Real, 1, None, closed="left"), None],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": _default_reservoir, "readout": _default_readout}

    def __init__(
        self,
        reservoir=None,
        *,
        readout=None,
        strategy="recursive",
        max_horizon=24,
        differences="auto",
        standardize=True,
        washout=50,
        input_skip=True,
        linearised_noise=0.0,
        linearised_noise_steps=16,
        escape_factor=10.0,
        random_state=None,
    ):
        self.reservoir = reservoir
        self.readout = readout
        self.strategy = strategy
        self.max_horizon = max_horizon
        self.differences = differences
        self.standardize = standardize
        self.washout = washout
        self.input_skip = input_skip
        self.linearised_noise = linearised_noise
        self.linearised_noise_steps = linearised_noise_steps
        self.escape_factor = escape_factor
        self.random_state = random_state

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        if self.linearised_noise and self.strategy == "direct":
            raise ValueError(
                "linearised_noise is for what is fed back: use strategy='recursive' or set it to 0"
            )
        final = self._learn(*self.prepare(series, exog))
        n_kept = self.inputs_.n_kept
        return [SeriesState(state, y[-n_kept:].copy()) for state, y in zip(final, series)]

    def _predict(self, states, n_steps, exog):
        at_once = n_steps if self.strategy == "recursive" else self.max_horizon
        paths = []
        for state, X in zip(states, _each(exog, states)):
            parts = [self._ahead(state, min(at_once, n_steps), X)]
            for begin in range(at_once, n_steps, at_once):  # beyond max_horizon: go on from the forecasts
                past = None if X is None else X[begin - at_once : begin]
                state = self._at_end(state, parts[-1], past)
                ahead = None if X is None else X[begin:]
                parts.append(self._ahead(state, min(at_once, n_steps - begin), ahead))
            paths.append(np.concatenate(parts))
        return paths

    def _update(self, states, series, exog):
        return [self._at_end(state, y, X) for state, y, X in zip(states, series, _each(exog, series))]

    def _restart(self, series, exog):
        Differences(self.differences_).check_lengths(series, 1, "context")
        n_kept = self.inputs_.n_kept
        rest = self.reservoir_.zero_states(1, np.float64)[0]
        states = []
        for y, X in zip(series, _each(exog, series)):
            later = None if X is None else X[n_kept:]
            states.append(self._at_end(SeriesState(rest, y[:n_kept]), y[n_kept:], later))
        return states

    def _trace(self, states, series, exog):
        return [self._advance(state, y, X) for state, y, X in zip(states, series, _each(exog, series))]

    def _rolling_origins(self, initial):
        # A run that leaves the training range counts by how far it went.
        return rolling_origins(copy(self).set_params(escape_factor=None), initial)

    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True)

    def closed_loop(self, exog=None):
        """Return the trained model as an autonomous system, to look at with :mod:`reservoir.diagnostics`.

        Its data are the series after differencing.

        Parameters
        ----------
        exog : array-like of shape (n_features,), optional
            Constant exogenous variables, if the model has any.

        Returns
        -------
        ClosedLoop
            It starts where the (last) series stands.
        """
        check_is_fitted(self)
        check_settings(self)
        n_exog = self.n_features_in_
        if self.strategy != "recursive":
            raise ValueError(f"strategy={self.strategy!r} feeds nothing back: only 'recursive' closes a loop")
        if (0 if exog is None else np.size(exog)) != n_exog:
            raise ValueError(
                f"exog has shape {np.shape(exog)}, expected ({n_exog},): one constant per variable"
            )
        units, design = self.inputs_, self.design()
        constant = units.exog(None if exog is None else np.array(exog, dtype=float).reshape(1, -1), 1)
        linear = linear_readout(self.readouts_[0])
        weights, intercept = design.loop_weights(*linear, self.reservoir_.n_states_, constant)
        state = self.states_[-1]
        point = np.concatenate([state.reservoir, units.standardised(state.tail)[-1]])
        scaling = units.centre, units.scale, *units.limits
        return ClosedLoop(self.reservoir_, weights, intercept[0], 1.0, constant[0], point, *scaling)

    def prepare(self, series: list, exog: list | None) -> tuple:
        """Do all of `fit` that comes before a readout: choose the differences, learn the scales, draw the reservoir.

        For callers that train readouts themselves, as readout-only backtests and `tune` do.

        Parameters
        ----------
        series : list of ndarray of shape (n_steps, n_targets)
        exog : list of ndarray of shape (n_steps, n_features), or None

        Returns
        -------
        inputs : ndarray of shape (n_rows, n_inputs)
            Of the reservoir, all series below one another.
        targets : ndarray of shape (n_rows, n_targets)
        layout : Layout
            Where each series starts.
        noise_seed : int
            Seeds the noise of the states in training.
        """
        is_open = isinstance(self.differences, str)  # "auto"; an array has no one answer to ==
        differences = Differences(self._choose_differences(series, exog) if is_open else self.differences)
        differences.check_lengths(series, 4, "y")
        self.differences_ = differences.lags
        self.inputs_ = StandardInputs.learned(series, exog, differences.lags, self.standardize)
        self.range_ = self.inputs_.limits
        rows = [self.inputs_.rows(y, X) for y, X in zip(series, _each(exog, series))]
        inputs, targets = (np.concatenate(parts) for parts in zip(*rows))
        layout = Layout(np.array([len(z) for z, _ in rows]), "stacked")
        rng = self._draw_reservoir(inputs.shape[1])
        self.reservoir_.pretrain(inputs, layout)
        return inputs, targets, layout, int(rng.integers(2**63))

    def design(self) -> ReadoutDesign:
        """Return what the readouts of the fitted forecaster see and forecast."""
        return ReadoutDesign(self.strategy == "direct", self.max_horizon, self.input_skip, self.n_targets_)

    # --------------------------------------------------------------- learning

    def _learn(self, inputs, targets, layout, noise_seed):
        """Fit the readouts; return the states that have seen all but the last row."""
        design = self.design()
        readout = self.part("readout")
        left = np.concatenate([np.arange(n, 0, -1) for n in layout.lengths])  # targets from each row on
        self.readouts_ = []
        for steps in design.steps_ahead(inputs.shape[1] > self.n_targets_):
            later = [np.minimum(np.arange(len(inputs)) + k, len(inputs) - 1) for k in steps]
            wanted = np.hstack([targets[rows] for rows in later])
            features = design.features(inputs, inputs[later[0], self.n_targets_ :])
            usable = self._usable(left > steps[-1], layout)
            data = {"inputs": inputs, "targets": wanted, "layout": layout, "features": features}
            if self.strategy == "recursive" and wants_free_run(readout):
                train = partial(self._train, data=data, noise_seed=noise_seed)
                data_of_runs = inputs, targets, layout, self.max_horizon
                readout = with_validated_penalty(
                    readout,
                    train,
                    self._driven,
                    partial(design.run_free, self.reservoir_),
                    usable,
                    *data_of_runs,
                )
            self.readouts_.append(clone(readout))
            final = self._train(self.readouts_[-1], usable, data, noise_seed)
        return final

    def _train(self, readout, usable, data, noise_seed):
        """Fit a readout; return the states at the end of each series."""
        penalties = None
        if self.linearised_noise:
            fed_back = np.arange(self.n_targets_)
            penalties = partial(
                noise_penalties,
                self.reservoir_,
                data["inputs"],
                data["layout"],
                usable,
                std=self.linearised_noise,
                n_memory=self.linearised_noise_steps,
                noisy=fed_back,
                seen=np.arange(data["inputs"].shape[1] if self.input_skip else 0),
            )
        rows = {"usable": usable, "noise_seed": noise_seed, "make_penalties": penalties}
        return train_readout(readout, self.reservoir_, **data, **rows)

    def _draw_reservoir(self, n_inputs):
        """Draw the reservoir; return the generator for what is random after it."""
        rng = make_rng(self.random_state)
        self.reservoir_ = _default_reservoir() if self.reservoir is None else clone(self.reservoir)
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, rng)
        self.reservoir_.fit(np.zeros((1, n_inputs)))
        refuse_future(self.reservoir_, "a forecast")
        return rng

    def _usable(self, has_target, layout):
        """Rows that have their targets, without the washout: at most half of those of a series."""
        usable = has_target.copy()
        for start, n in zip(layout.starts, layout.lengths):
            usable[start : start + min(self.washout, int(has_target[start : start + n].sum()) // 2)] = False
        if not usable.any():
            raise ValueError(
                f"no series has the {self.max_horizon + 2} steps that max_horizon={self.max_horizon} needs: "
                "give longer series or a smaller max_horizon"
            )
        return usable

    def _choose_differences(self, series, exog):
        """The candidate with the smallest mean absolute error after the first part of every series."""
        least = _LEAST_STEPS_TO_CHOOSE if self.strategy == "recursive" else 3 * self.max_horizon
        if min(len(y) for y in series) < least:
            return ()
        errors = []
        for lags in _CANDIDATE_DIFFERENCES:
            model = clone(self).set_params(differences=lags, escape_factor=None)
            model.series_, model.exog_ = series, exog
            try:
                residuals = rolling_residuals(model, self.max_horizon, 1 - HELD_OUT)
            except ValueError as error:  # what is wrong with the settings; nobody asked for intervals
                raise (error.__cause__ or error) from None
            scaled = [np.nanmean(np.abs(r), axis=(0, 1)) / moments(y)[1] for r, y in zip(residuals, series)]
            errors.append(np.mean(scaled))
        return _CANDIDATE_DIFFERENCES[int(np.argmin(errors))]

    # -------------------------------------------------------------- advancing

    def _rows_after(self, state, y, X):
        """Further observations with the tail before them, and the reservoir's inputs that they make."""
        seen = np.concatenate([state.tail, y])
        return seen, self.inputs_.rows(seen, X)[0]

    def _at_end(self, state, y, X):
        """Return the state after further observations of one series."""
        seen, rows = self._rows_after(state, y, X)
        return SeriesState(self._driven(state.reservoir, rows), seen[len(y) :].copy())

    def _driven(self, state, rows):
        """Return the reservoir's state after some rows (from rest: None), in memory that does not grow."""
        rest = self.reservoir_.zero_states(1, np.float64)
        state = rest if state is None else state[np.newaxis].copy()
        for _ in harvest(self.reservoir_, rows, Layout(np.array([len(rows)]), "single"), state):
            pass
        return state[0]

    def _advance(self, state, y, X):
        """Return the state after each further observation of one series."""
        seen, rows = self._rows_after(state, y, X)
        if self.reservoir_.states_are_state:
            layout = Layout(np.array([len(rows)]), "single")
            carried, _ = self.reservoir_.drive(rows, layout, state.reservoir[np.newaxis])
        else:
            carried = list(accumulate(rows[:, np.newaxis], self._driven, initial=state.reservoir))[1:]
        return [SeriesState(r, seen[t : t + len(state.tail)]) for t, r in enumerate(carried, start=1)]

    # ------------------------------------------------------------- forecasting

    def _ahead(self, state, n_steps, X):
        exog = self.inputs_.exog(None if X is None else X[:n_steps], n_steps)
        ahead = self._ahead_free if self.strategy == "recursive" else self._ahead_direct
        z = ahead(state, n_steps, exog)
        return self.inputs_.undone(z, state.tail)

    def _ahead_free(self, state, n_steps, exog):
        readout, last = self.readouts_[0], self.inputs_.standardised(state.tail)[-1]
        if is_linear(readout):
            linear = linear_readout(readout)
            z, n_done = self.design().run_free(self.reservoir_, *linear, state.reservoir, last, exog)
        else:
            z, _, n_done = run_free_with(self._output, self.reservoir_, state.reservoir, last, exog)
        return without_divergence(z, n_done, *self.inputs_.standard_limits, self.escape_factor)

    def _output(self, states, row):
        return self.readouts_[0].predict(np.hstack([states, row]) if self.input_skip else states)

    def _ahead_direct(self, state, n_steps, exog):
        last = self.inputs_.standardised(state.tail)[-1]
        row = np.concatenate([last, exog[0]])[np.newaxis]
        one = Layout(np.array([1]), "single")
        states, _ = self.reservoir_.drive(row, one, state.reservoir[np.newaxis])
        answers = []
        for steps, readout in zip(self.design().steps_ahead(exog.shape[1] > 0), self.readouts_):
            if steps[0] < n_steps:
                seen = self.design().features(row, exog[steps[0] : steps[0] + 1])(states, slice(None))
                answers.append(readout.predict(seen).reshape(-1, self.n_targets_))
        return np.concatenate(answers)[:n_steps]


def _each(exog: list | None, series: list) -> list:
    return [None] * len(series) if exog is None else exog
