"""ConvolutionalForecaster: causal dilated convolutions behind the forecaster contract."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.networks.cells.wave_net import WaveNet
from forecasting.networks.stack import Stack
from forecasting.recurrent.window_forecaster import RecurrentForecaster

_N_UNITS = 32


class ConvolutionalForecaster(RecurrentForecaster):
    """Forecast with a WaveNet: gated causal convolutions whose dilations double, residual and skip connections.

    All steps of a window are computed at once. Forecasts go on from a cache of what the filters still need: a step
    costs the same however much was seen (see `forecasting.networks.cells.wave_net`).

    Parameters
    ----------
    n_units : int, optional
        Width of the skip connections and of what the output layer reads. Default: 32.
    n_channels : int, default=16
        Width of the residual path.
    kernel_size : int, default=2
        Taps of each filter.
    dilations : sequence of int, optional
        One for each block. Default: 1, 2, 4, ... until the filters see the whole window.
    head, strategy, max_horizon, window, segment_length, projection, linear_skip, dropout, teacher_forcing
        As for `RecurrentForecaster`. A softmax over quantised values is
        ``head=forecasting.networks.heads.quantised.Quantised()``.
    window_centre, window_scale, calendar, past_only, optimizer, schedule, clip_norm
        As for `RecurrentForecaster`.
    n_epochs, steps_per_epoch, batch_size
        As for `RecurrentForecaster`.
    early_stopping, validation_fraction, patience, warm_start, n_jobs, progress, random_state
        As for `RecurrentForecaster`.

    Attributes
    ----------
    trained_, training_, history_
        As for `RecurrentForecaster`.

    Examples
    --------
    >>> y = np.sin(2 * np.pi * np.arange(200) / 10)
    >>> forecaster = ConvolutionalForecaster(n_units=8, max_horizon=10, n_epochs=8, random_state=0).fit(y)
    >>> forecaster.predict(10).shape
    (10,)
    """

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: rule
            for name, rule in RecurrentForecaster._parameter_constraints.items()
            if name not in ("cell", "n_layers", "truncation")
        },
        "n_channels": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 2, None, closed="left")],
        "dilations": [tuple, list, None],
    }

    def __init__(
        self,
        *,
        n_units=None,
        n_channels=16,
        kernel_size=2,
        dilations=None,
        head="huber",
        strategy="direct",
        max_horizon=24,
        window=None,
        segment_length=1,
        projection=None,
        linear_skip=False,
        dropout=0.0,
        teacher_forcing=1.0,
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
        self.n_units = n_units
        self.n_channels = n_channels
        self.kernel_size = kernel_size
        self.dilations = dilations
        self.head = head
        self.strategy = strategy
        self.max_horizon = max_horizon
        self.window = window
        self.segment_length = segment_length
        self.projection = projection
        self.linear_skip = linear_skip
        self.dropout = dropout
        self.teacher_forcing = teacher_forcing
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

    def _stack(self):
        n_units = _N_UNITS if self.n_units is None else self.n_units
        dilations = self._doubling() if self.dilations is None else tuple(self.dilations)
        cell = WaveNet(n_units, n_channels=self.n_channels, kernel_size=self.kernel_size, dilations=dilations)
        return Stack(cell)

    def _doubling(self):
        """Return 1, 2, 4, ... until the receptive field covers the window."""
        n_steps, dilations = self._window() // int(self.segment_length), [1]
        while 1 + (self.kernel_size - 1) * int(np.sum(dilations)) < n_steps:
            dilations.append(2 * dilations[-1])
        return tuple(dilations)
