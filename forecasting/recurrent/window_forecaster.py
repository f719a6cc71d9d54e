"""RecurrentForecaster: recurrent networks trained by backpropagation through time."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from forecasting.base.distribution_forecaster import DistributionForecaster
from forecasting.base.tags import ForecasterTags
from forecasting.networks.cells import CELLS, Cell
from forecasting.networks.heads import HEADS, Head
from forecasting.networks.optimizers import Adam, Optimizer
from forecasting.networks.schedules import Cosine, Schedule
from forecasting.networks.stack import Stack
from forecasting.recurrent.autoregression import autoregression
from forecasting.recurrent.design import (
    check_counts,
    designed,
    past_columns,
    stack_of,
    window_length,
    window_units,
)
from forecasting.recurrent.learned_units import learned_units
from forecasting.recurrent.prediction import (
    State,
    TrainedNetwork,
    advanced,
    heard,
    point_paths,
    quantile_paths,
    sample_paths,
)
from forecasting.recurrent.warm_start import check_same_meaning, continued
from forecasting.recurrent.window_training import TrainingPlan, learn
from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng
from reservoir.kernels.threads import N_JOBS


class RecurrentForecaster(DefaultParts, DistributionForecaster):
    r"""Forecast with a recurrent network, one for all series, trained by backpropagation through time.

    The network reads the last ``window`` observations of a series in the units of that window, so that it can
    forecast series of any level, also those it has not seen (``predict(..., context=)``). Training draws windows
    from all series, which may be of different lengths, and stops when forecasts of the last part of each series get
    no better.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru", ...}, Cell or Stack, optional
        The recurrent layers: a name in `forecasting.networks.CELLS`, or a cell or a stack of them with their own
        number of units. Default: "gru".
    n_units : int, optional
        Units of each layer, for a cell given by name. Default: 32.
    n_layers : int, optional
        Layers, for a cell given by name. Default: 1.
    head : str or Head, default="huber"
        What the outputs mean and what errors cost: a name in `forecasting.networks.heads.HEADS` ("squared",
        "absolute", "huber", "quantile", "gaussian", "mixture", "student_t", "negative_binomial") or a head.
    strategy : {"direct", "segments", "recursive"}, default="direct"
        "direct": an output layer reads the newest hidden state and gives all of ``max_horizon`` steps at once.
        "segments": the stack makes one further step for each ``segment_length`` steps ahead, all from the newest
        state and in parallel, with a learned position as input [1]_. "recursive": one step at a time, each forecast
        being the next input.
    max_horizon : int, default=24
        Steps ahead that training looks at. A longer forecast goes on from its own first part.
    window : int, optional
        Steps that are read. Default: twice ``max_horizon``, rounded up to whole segments. Where a series is shorter,
        its first observation is repeated before it.
    segment_length : int, default=1
        Steps that the stack reads at once, for "direct" and "segments"; divides ``window``.
    projection : int, optional
        Width of a layer with rectified units between the values and the stack. Default: none; for "segments", whose
        positions need room, as wide as the stack.
    linear_skip : bool or "ridge", default=False
        Add a linear autoregression of the window; not for "recursive". True trains it together with the network [2]_.
        "ridge" learns it first, in closed form, with the penalty that forecasts the held-out part best (without one,
        by generalised cross-validation), and the network learns what it leaves over; not for counts.
    dropout : float, default=0.0
        Part of what the output layer reads that is dropped in training.
    teacher_forcing : float, default=1.0
        For "recursive": part of the inputs after the window that are true values at the end of training; it falls
        linearly from 1, and the rest are the network's own forecasts (scheduled sampling [3]_).
    truncation : int, optional
        For "recursive": steps that gradients go back (truncated backpropagation [4]_). Windows are read in pieces of
        this length, the state carried from one to the next; each piece is a step of training, and the forecasts of
        all its steps count. So a window may be as long as a series. All of it is read in the same units: where
        these tell early steps of a window what is to come, as its last value does of a trend, take None for
        ``window_centre`` and ``window_scale``, and differences of the series. Default: through the whole window, of
        whose forecasts those after its end count.
    window_centre : {"last", "mean", "auto", None}, default="auto"
        What is subtracted from a window: its last value, which lets trends go on; its mean; the mean of the training
        series for None. "auto" is "last", and nothing for counts.
    window_scale : {"std", "mean", "auto", None}, default="auto"
        What it is divided by: its standard deviation; its mean absolute value; the standard deviation of the training
        series for None. "auto" is "std", and one more than the mean for counts. Never less than a twentieth of what
        nine in ten windows of the calmest training series stay below: the noise of an idle stretch is no unit. A
        constant window is continued, by a distribution in this least unit.
    calendar : sequence of str, default=()
        What the index says about each step, beside exogenous variables: names in
        `forecasting.series.calendar_features.CALENDAR_FEATURES`, such as "hour", "day_of_week", "month".
    past_only : sequence of int, default=()
        Columns of ``X`` that are known up to the newest observation only, for "direct" and "segments": the stack
        reads them, and what ``X`` holds of them in the future, in training and in ``predict``, is not looked at: it
        may be NaN there.
    optimizer : Optimizer, optional
        Default: ``Adam(learning_rate=0.003)``.
    schedule : Schedule, optional
        Of the learning rate. Default: ``Cosine()``.
    clip_norm : float or None, default=1.0
        Longest gradient.
    n_epochs : int, default=30
    steps_per_epoch : int, default=50
        Batches of windows between two looks at the held-out part.
    batch_size : int, default=32
        Windows in a batch.
    early_stopping : bool, default=True
        Hold out the last part of each series that is long enough, and keep the parameters that forecast it best: up
        to ``max_horizon``, a distribution of "recursive" one step ahead. If none is, all epochs are run on all of it.
    validation_fraction : float, default=0.1
        That part; at least ``max_horizon`` steps. What is learned of units comes from what stands before it.
    patience : int or None, default=5
        Epochs without improvement after which training stops; None never does.
    warm_start : bool, default=False
        Let `fit` go on from the parameters and units of the last fit.
    n_jobs : int, optional
        Threads of training, each of which takes 64 windows of a batch: more than one need a larger ``batch_size``.
        They change no bit of the result.
    progress : bool, default=False
        Show a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Draws first parameters, windows and what is dropped.

    Attributes
    ----------
    trained_ : TrainedNetwork
        The network, its parameters and units.
    history_ : DataFrame
        Loss, validation, length of the gradient and learning rate of each epoch.
    training_ : History
        The same as arrays, and why training ended.

    See Also
    --------
    forecasting.networks.training_plots.plot_history : A picture of ``history_``.
    forecasting.networks.gradient_flow.gradient_norms : How far gradients reach back; see `heard`.

    Notes
    -----
    Future exogenous variables act on their own step: through the stack for "recursive", linearly on the outputs for
    the other strategies, whose stack reads those of the past.

    Intervals and quantiles come from the head if it is a distribution, else, or where ``initial`` is given, from
    residuals of a fit on the first part. Samples of "direct" and "segments" are independent from step to step within
    ``max_horizon``; take "recursive" where the course of whole paths matters.

    References
    ----------
    .. [1] Lin et al. (2023), SegRNN: segment recurrent neural network for long-term time series forecasting.
    .. [2] Lai et al. (2018), Modeling long- and short-term temporal patterns with deep neural networks.
       Learned first: Zhang (2003), Time series forecasting using a hybrid ARIMA and neural network model.
    .. [3] Bengio et al. (2015), Scheduled sampling for sequence prediction with recurrent neural networks.
    .. [4] Williams and Peng (1990), An efficient gradient-based algorithm for on-line training of recurrent network
       trajectories.

    Examples
    --------
    >>> y = 10 + np.arange(300) / 50 + np.sin(2 * np.pi * np.arange(300) / 12)
    >>> forecaster = RecurrentForecaster("gru", n_units=16, max_horizon=12, n_epochs=10, random_state=0).fit(y[:288])
    >>> bool(np.abs(forecaster.predict(12) - y[288:]).max() < 0.3)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "cell": [StrOptions(set(CELLS)), Cell, Stack, None],
        "n_units": [Interval(Integral, 1, None, closed="left"), None],
        "n_layers": [Interval(Integral, 1, None, closed="left"), None],
        "head": [StrOptions(set(HEADS)), Head],
        "strategy": [StrOptions({"direct", "segments", "recursive"})],
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left"), None],
        "segment_length": [Interval(Integral, 1, None, closed="left")],
        "projection": [Interval(Integral, 1, None, closed="left"), None],
        "linear_skip": ["boolean", StrOptions({"ridge"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "teacher_forcing": [Interval(Real, 0, 1, closed="both")],
        "truncation": [Interval(Integral, 1, None, closed="left"), None],
        "window_centre": [StrOptions({"auto", "last", "mean"}), None],
        "window_scale": [StrOptions({"auto", "std", "mean"}), None],
        "calendar": [tuple, list],
        "past_only": [tuple, list],
        "optimizer": [Optimizer, None],
        "schedule": [Schedule, None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "steps_per_epoch": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "warm_start": ["boolean"],
        "n_jobs": N_JOBS,
        "progress": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"optimizer": lambda: Adam(0.003), "schedule": Cosine}
    truncation: int | None = None  # for subclasses without the parameter
    _default_cell: ClassVar[str] = "gru"
    _kind_of_cell: ClassVar[type] = Cell

    def __init__(
        self,
        cell=None,
        *,
        n_units=None,
        n_layers=None,
        head="huber",
        strategy="direct",
        max_horizon=24,
        window=None,
        segment_length=1,
        projection=None,
        linear_skip=False,
        dropout=0.0,
        teacher_forcing=1.0,
        truncation=None,
        window_centre="auto",
        window_scale="auto",
        calendar=(),
        past_only=(),
        optimizer=None,
        schedule=None,
        clip_norm=1.0,
        n_epochs=30,
        steps_per_epoch=50,
        batch_size=32,
        early_stopping=True,
        validation_fraction=0.1,
        patience=5,
        warm_start=False,
        n_jobs=None,
        progress=False,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_layers = n_layers
        self.head = head
        self.strategy = strategy
        self.max_horizon = max_horizon
        self.window = window
        self.segment_length = segment_length
        self.projection = projection
        self.linear_skip = linear_skip
        self.dropout = dropout
        self.teacher_forcing = teacher_forcing
        self.truncation = truncation
        self.window_centre = window_centre
        self.window_scale = window_scale
        self.calendar = calendar
        self.past_only = past_only
        self.optimizer = optimizer
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.n_epochs = n_epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.progress = progress
        self.random_state = random_state

    @property
    def history_(self) -> pd.DataFrame:
        """What training went through, one row per epoch."""
        check_is_fitted(self, "training_")
        index = pd.RangeIndex(1, len(self.training_.columns[0]) + 1, name="epoch")
        return pd.DataFrame(dict(zip(self.training_.names, self.training_.columns)), index=index)

    def heard(self, context=None, X=None) -> np.ndarray:
        """Return what the recurrent layers hear of the newest window of each series.

        For a look inside: `forecasting.networks.gradient_flow.gradient_norms` and `gate_activations` take it
        together with ``trained_.network.stack`` and ``trained_.params.stack``.

        Parameters
        ----------
        context : container, optional
            Other series, as for `predict`.
        X : container of shape (n_steps, n_features), optional
            Exogenous variables of the steps of `context`.

        Returns
        -------
        array of shape (n_steps, n_series, n_inputs)
            In the units of each window; segments are one step, behind the projection if there is one. Without the
            newest observation for "recursive", which reads it together with ``X`` of the step after.

        Examples
        --------
        >>> from forecasting.networks.gradient_flow import gradient_norms
        >>> y = np.sin(2 * np.pi * np.arange(200) / 10)
        >>> forecaster = RecurrentForecaster(n_units=8, max_horizon=10, n_epochs=2, random_state=0).fit(y)
        >>> network, params = forecaster.trained_.network.stack, forecaster.trained_.params.stack
        >>> gradient_norms(network, params, forecaster.heard()).shape
        (20, 1)
        """
        check_is_fitted(self)
        states = self.states_
        if context is None and X is not None:
            raise ValueError("X goes with context: leave it out, the forecaster knows that of its own series")
        if context is not None:
            panel = self._read_context(context)
            states = self._restart(panel.values, self._read_context_exog(X, panel, 0)[0])
        return heard(self.trained_, states)

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        rng, plan = make_rng(self.random_state), self._plan()
        trained = self._begin(series, exog, plan.validation_fraction, rng)
        known = None if exog is None else [trained.standard_exog(X, len(X)) for X in exog]
        params, self.training_ = learn(trained, series, known, plan, rng)
        self.trained_ = trained._replace(params=params)
        return self._restart(series, exog)

    def _predict(self, states, n_steps, exog):
        return point_paths(self.trained_, states, n_steps, exog)

    def _update(self, states, series, exog):
        window = self.trained_.network.window
        if self.trained_.network.head.counts:
            check_counts(series)
        known = [None] * len(series) if exog is None else exog
        return [
            advanced(state, y, self.trained_.standard_exog(X, len(y)), window)
            for state, y, X in zip(states, series, known)
        ]

    def _restart(self, series, exog):
        rest = [State(y[:0], np.zeros((0, len(self.trained_.exog_units.centre)))) for y in series]
        return self._update(rest, series, exog)

    def _calendar(self):
        return tuple(self.calendar)

    def _unknown_ahead(self):
        return self.trained_.past_only

    def _has_distribution(self):
        return self.trained_.network.head.is_distribution

    def _predict_quantile_paths(self, states, n_steps, exog, levels):
        return quantile_paths(self.trained_, states, n_steps, exog, levels)

    def _sample_paths(self, states, n_steps, exog, n_samples, rng):
        return sample_paths(self.trained_, states, n_steps, exog, n_samples, rng)

    def _forecaster_tags(self):
        head = HEADS.get(self.head, Head) if isinstance(self.head, str) else self.head
        by_residuals = not getattr(head, "is_distribution", False)
        return ForecasterTags(True, centred_intervals=by_residuals, conformal_intervals=by_residuals)

    # --------------------------------------------------------------- learning

    def _read_training_exog(self, X, panel):
        exog, names = super()._read_training_exog(X, panel)
        if self._goes_on() and hasattr(self, "layout_"):
            check_same_meaning(self, panel.layout, names)
        return exog, names

    def _begin(self, series, exog, held_out, rng):
        """The network as training starts: fresh, or as the last fit left it."""
        network = designed(self, 0 if exog is None else exog[0].shape[1])
        if network.head.counts:
            check_counts(series)
        before = self.trained_ if self._goes_on() else None
        params = network.init_params(rng)
        reading = *window_units(self, network.head), past_columns(self, network.n_exog)
        if before is None:
            centre, scale, past_only = reading
            units = learned_units(series, exog, network, scale, held_out)
            fresh = TrainedNetwork(
                network, params, centre, scale, units.overall, units.exog, past_only, units.least
            )
            linear = autoregression(fresh, series, held_out) if network.linear_skip == "ridge" else ()
            return fresh._replace(linear=linear)
        return continued(before, network, params, reading)

    def _goes_on(self):
        return self.warm_start and hasattr(self, "trained_")

    def _window(self):
        return window_length(self)

    def _stack(self):
        return stack_of(self)

    def _plan(self):
        parts = {name: getattr(self, name) or make() for name, make in self._default_parts.items()}
        for part in parts.values():
            part._validate_params()
        options = {
            **parts,
            "clip_norm": self.clip_norm,
            "patience": self.patience if self.early_stopping else None,
            "goes_on": self._goes_on(),
            "n_jobs": self.n_jobs,
            "progress": self.progress,
        }
        if self.teacher_forcing < 1 and self.strategy != "recursive":
            raise ValueError(
                f"strategy={self.strategy!r} hears no forecasts of its own: "
                f"teacher_forcing={self.teacher_forcing} needs strategy='recursive'"
            )
        if self.truncation is not None and (self.strategy != "recursive" or self.teacher_forcing < 1):
            raise ValueError(
                f"truncation={self.truncation} cuts what is fed true values step by step: it needs "
                f"strategy='recursive' and teacher_forcing=1, got {self.strategy!r} and {self.teacher_forcing}"
            )
        return TrainingPlan(
            n_epochs=self.n_epochs,
            steps_per_epoch=self.steps_per_epoch,
            batch_size=self.batch_size,
            validation_fraction=self.validation_fraction if self.early_stopping else 0.0,
            teacher_forcing=self.teacher_forcing,
            truncation=self.truncation,
            options=options,
        )
