"""WindowESNRegressor: an echo-state network whose rows are windows, for other libraries' reducers."""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng, seed_open_parts
from reservoir.contracts.series_layout import Layout, refuse_masked
from reservoir.contracts.settings import check_settings, settings_of
from reservoir.models.harvest import refuse_boundless
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_reservoir import FLOATS, Reservoir
from reservoir.reservoirs.echo_state import EchoState

# States kept at once; windows are driven in pieces of so many numbers.
_PIECE = 2**22


def _default_reservoir() -> EchoState:
    return EchoState(100)


def _default_readout() -> RidgeReadout:
    return RidgeReadout(alphas=np.logspace(-6, 4, 21))


class WindowESNRegressor(MultiOutputMixin, RegressorMixin, DefaultParts):
    r"""Echo-state network over windows: every row of ``X`` is a short series by itself, flattened.

    The reservoir starts from rest at the oldest value of each row, and the readout sees its last state:

    .. math:: s_k = F(s_{k-1}, x_k), \quad k = 1 \dots K, \qquad \hat y = V [s_K, x_1, \dots, x_K, v] + c

    with further columns v that are no part of the window. Rows do not depend on each other, so that it goes wherever
    a regressor of lagged values goes, scikit-learn's checks included. It forgets what lies before the window; a
    series in order is better served by `ESNRegressor`, which does not.

    Parameters
    ----------
    n_channels : int, default=1
        Values per step; those of one step stand together.
    lag_order : {"oldest_first", "newest_first"}, default="oldest_first"
        In which order the steps of a row stand. sktime puts the oldest first, skforecast the newest.
    n_static : int, default=0
        How many columns at the end are no part of the window (calendar, exogenous variables); they go to the readout
        only.
    reservoir : Reservoir, optional
        Default: ``EchoState(100)``. It is cloned.
    readout : regressor, optional
        Any scikit-learn regressor. Default: ``RidgeReadout`` over a path of penalties. It is cloned.
    input_skip : bool, default=True
        Let the readout see the window beside the state.
    standardize : bool, default=True
        Subtract mean and divide by standard deviation: one of each for every channel, over all steps, and one for
        every further column.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every part whose own ``random_state`` is None.

    Attributes
    ----------
    reservoir_, readout_ : estimators
        The fitted clones.
    centre_, scale_ : ndarray of shape (n_features,)
        What each column is standardised with.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from numpy.lib.stride_tricks import sliding_window_view
    >>> windows = sliding_window_view(np.sin(0.3 * np.arange(400.0)), 21)
    >>> model = WindowESNRegressor(random_state=0).fit(windows[:300, :20], windows[:300, 20])
    >>> bool(np.abs(model.predict(windows[300:, :20]) - windows[300:, 20]).max() < 1e-3)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_channels": [Interval(Integral, 1, None, closed="left")],
        "lag_order": [StrOptions({"oldest_first", "newest_first"})],
        "n_static": [Interval(Integral, 0, None, closed="left")],
        "reservoir": [Reservoir, None],
        "readout": [HasMethods(["fit", "predict"]), None],
        "input_skip": ["boolean"],
        "standardize": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": _default_reservoir, "readout": _default_readout}

    def __init__(
        self,
        n_channels=1,
        lag_order="oldest_first",
        *,
        n_static=0,
        reservoir=None,
        readout=None,
        input_skip=True,
        standardize=True,
        random_state=None,
    ):
        self.n_channels = n_channels
        self.lag_order = lag_order
        self.n_static = n_static
        self.reservoir = reservoir
        self.readout = readout
        self.input_skip = input_skip
        self.standardize = standardize
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Draw the reservoir and learn the readout.

        Parameters
        ----------
        X : array-like of shape (n_windows, n_steps * n_channels + n_static)
        y : array-like of shape (n_windows,) or (n_windows, n_targets)

        Returns
        -------
        self
        """
        refuse_masked(X, "X")
        refuse_masked(y, "y")
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        n_windowed = X.shape[1] - self.n_static
        if n_windowed < 1 or n_windowed % self.n_channels:
            raise ValueError(
                f"X has {X.shape[1]} columns, of which {n_windowed} are no multiple of n_channels={self.n_channels} "
                f"values: set n_channels and n_static={self.n_static} so that whole steps are left"
            )
        self._learn_scale(X, n_windowed)
        rng = make_rng(self.random_state)
        self.reservoir_ = _default_reservoir() if self.reservoir is None else clone(self.reservoir)
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, rng)
        windows, _ = self._windows(X)
        self.reservoir_.fit(np.zeros((1, self.n_channels), dtype=X.dtype))
        self.reservoir_.pretrain(windows.reshape(-1, self.n_channels), _layout(windows))
        self.readout_ = _default_readout() if self.readout is None else clone(self.readout)
        features = self._features(X, np.random.default_rng(rng.integers(2**63)))
        refuse_boundless(self.reservoir_, features)
        self.readout_.fit(features, y)
        self.settings_ = settings_of(self, ("n_channels", "lag_order", "n_static", "input_skip"))
        return self

    def predict(self, X):
        """Predict what follows each window.

        Parameters
        ----------
        X : array-like of shape (n_windows, n_features)

        Returns
        -------
        ndarray of shape (n_windows,) or (n_windows, n_targets)
        """
        check_is_fitted(self)
        check_settings(self)
        refuse_masked(X, "X")
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return self.readout_.predict(self._features(X))

    # ---------------------------------------------------------------- private

    def _learn_scale(self, X, n_windowed):
        self.centre_, self.scale_ = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if not self.standardize:
            return
        for column in range(X.shape[1]):
            own = slice(column % self.n_channels, n_windowed, self.n_channels)
            values = X[:, own] if column < n_windowed else X[:, column]
            centre, spread = values.mean(dtype=float), values.std(dtype=float)
            self.centre_[column] = centre
            # A constant column in float32 has a spread of rounding.
            self.scale_[column] = spread if spread > 10 * np.finfo(X.dtype).eps * abs(centre) else 1.0

    def _windows(self, X):
        """Standardised windows, (n_windows, n_steps, n_channels), oldest first, and the further columns."""
        scaled = ((X - self.centre_) / self.scale_).astype(X.dtype, copy=False)
        cut = X.shape[1] - self.n_static
        windows = scaled[:, :cut].reshape(len(X), -1, self.n_channels)
        return windows if self.lag_order == "oldest_first" else windows[:, ::-1], scaled[:, cut:]

    def _features(self, X, noise_rng=None):
        """What the readout sees: last states, windows if wanted, further columns."""
        windows, static = self._windows(X)
        size = max(1, _PIECE // (windows.shape[1] * self.reservoir_.n_states_))
        begins = range(0, len(windows), size)
        pieces = [self._last_states(windows[i : i + size], noise_rng) for i in begins]
        skipped = [windows.reshape(len(X), -1)] if self.input_skip else []
        return np.hstack([np.concatenate(pieces), *skipped, static])

    def _last_states(self, windows, noise_rng):
        rows = np.ascontiguousarray(windows).reshape(-1, self.n_channels)
        rest = self.reservoir_.zero_states(len(windows), rows.dtype)
        states, _ = self.reservoir_.drive(rows, _layout(windows), rest, noise_rng)
        return states.reshape(len(windows), windows.shape[1], -1)[:, -1]


def _layout(windows: np.ndarray) -> Layout:
    return Layout(np.full(len(windows), windows.shape[1]), "array")
