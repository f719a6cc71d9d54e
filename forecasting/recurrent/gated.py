"""LSTMForecaster, GRUForecaster: recurrent forecasters of one kind of gated cell."""

from typing import ClassVar

from forecasting.networks.cells import GRU, LSTM
from forecasting.recurrent.window_forecaster import RecurrentForecaster


class LSTMForecaster(RecurrentForecaster):
    """`RecurrentForecaster` of long short-term memories: ``cell`` defaults to "lstm" and is an `LSTM` or a stack.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * np.arange(200) / 10)
    >>> forecaster = LSTMForecaster(n_units=8, max_horizon=10, n_epochs=8, random_state=0).fit(y)
    >>> forecaster.predict(10).shape
    (10,)
    """

    _default_cell: ClassVar[str] = "lstm"
    _kind_of_cell: ClassVar[type] = LSTM


class GRUForecaster(RecurrentForecaster):
    """`RecurrentForecaster` of gated recurrent units: ``cell`` is a `GRU` or a stack of it.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * np.arange(200) / 10)
    >>> forecaster = GRUForecaster(n_units=8, max_horizon=10, n_epochs=8, random_state=0).fit(y)
    >>> forecaster.predict(10).shape
    (10,)
    """

    _kind_of_cell: ClassVar[type] = GRU
