"""OnlineReservoirForecaster: a reservoir forecaster whose readout goes on learning from every observation."""

from copy import copy, deepcopy
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from forecasting.base.forecaster import Forecaster
from forecasting.base.tags import ForecasterTags
from forecasting.reservoirs.divergence import without_divergence
from forecasting.reservoirs.free_running import ReservoirForecaster
from reservoir import RecursiveLeastSquares, RidgeReadout
from reservoir.contracts.series_layout import Layout
from reservoir.models.closed_loop import linear_readout


class OnlineState(NamedTuple):
    """Where one series stands: as `ReservoirForecaster`, and the weights that it has come to.

    ``learner`` is the readout that goes on learning; None where a state is only forecast from.
    """

    reservoir: np.ndarray
    tail: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    learner: Any


def _default_learner() -> RecursiveLeastSquares:
    return RecursiveLeastSquares(1.0, forgetting=0.999)


class OnlineReservoirForecaster(ReservoirForecaster):
    r"""A `ReservoirForecaster` whose readout goes on learning: `update` moves its weights too.

    After every observation the readout takes one step of recursive least squares on it, so that with ``forgetting``
    below 1 it follows a series whose behaviour changes. The reservoir, the scaling and the differences stay those
    of `fit`. An observation costs a number of operations that grows with the square of the number of units, and
    none that grows with the length of the series. Each series of a panel moves weights of its own, from those that
    `fit` learned from all; forecasts of a ``context`` take those of `fit`.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: as `ReservoirForecaster`. It is cloned.
    readout : regressor with ``partial_fit``, optional
        Default: ``RecursiveLeastSquares(1.0, forgetting=0.999)``. It is cloned.
    differences, standardize, washout, input_skip, max_horizon, escape_factor, random_state
        As for `ReservoirForecaster`.

    Attributes
    ----------
    readouts_ : list of one regressor
        As `fit` left it.

    References
    ----------
    H. Jaeger, Adaptive nonlinear system identification with echo state networks, NIPS 15 (2003).

    Examples
    --------
    >>> import numpy as np
    >>> from forecasting import OnlineReservoirForecaster, ReservoirForecaster
    >>> t = np.arange(1200.0)
    >>> y = np.where(t < 600, np.sin(0.3 * t), np.sin(0.8 * t))  # another rhythm
    >>> for kind in (ReservoirForecaster, OnlineReservoirForecaster):
    ...     model = kind(differences=(), random_state=0).fit(y[:500]).update(y[500:1190])
    ...     print(bool(np.abs(model.predict(10) - y[1190:]).max() < 0.1))
    False
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: ReservoirForecaster._parameter_constraints[name]
            for name in (
                "reservoir",
                "max_horizon",
                "differences",
                "standardize",
                "washout",
                "input_skip",
                "escape_factor",
                "random_state",
            )
        },
        "readout": [HasMethods(["fit", "partial_fit", "predict"]), None],
    }
    _default_parts: ClassVar[dict] = {**ReservoirForecaster._default_parts, "readout": _default_learner}
    strategy = "recursive"
    linearised_noise = 0.0
    linearised_noise_steps = 1

    def __init__(
        self,
        reservoir=None,
        *,
        readout=None,
        max_horizon=24,
        differences="auto",
        standardize=True,
        washout=50,
        input_skip=True,
        escape_factor=10.0,
        random_state=None,
    ):
        self.reservoir = reservoir
        self.readout = readout
        self.max_horizon = max_horizon
        self.differences = differences
        self.standardize = standardize
        self.washout = washout
        self.input_skip = input_skip
        self.escape_factor = escape_factor
        self.random_state = random_state

    def closed_loop(self, exog=None):
        """Return the model as it stands now as an autonomous system, as `ReservoirForecaster.closed_loop`.

        Parameters
        ----------
        exog : array-like of shape (n_features,), optional

        Returns
        -------
        ClosedLoop
        """
        check_is_fitted(self)
        standing = copy(self)
        standing.readouts_ = [self.states_[-1].learner]
        return ReservoirForecaster.closed_loop(standing, exog)

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        return [self._with_weights(state) for state in super()._fit(series, exog)]

    def _update(self, states, series, exog):
        exog = [None] * len(series) if exog is None else exog
        return [self._learned(state, y, X) for state, y, X in zip(states, series, exog)]

    def _restart(self, series, exog):
        return [self._with_weights(state) for state in super()._restart(series, exog)]

    def _trace(self, states, series, exog):
        """As one update after the other; of the states only the last learns: each learner holds a matrix."""
        return [
            [*(state._replace(learner=None) for state in each[:-1]), *each[-1:]]
            for each in Forecaster._trace(self, states, series, exog)
        ]

    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True, learns_from_updates=True)

    # ---------------------------------------------------------------- private

    def _with_weights(self, state) -> OnlineState:
        learner = self.readouts_[0]
        if isinstance(learner, RidgeReadout):
            raise ValueError(
                f"readout={self.readout!r} begins anew after fit: take a regressor whose partial_fit goes on, such "
                "as RecursiveLeastSquares"
            )
        return OnlineState(state.reservoir, state.tail, *linear_readout(learner), learner)

    def _learned(self, state: OnlineState, y: np.ndarray, X: np.ndarray | None) -> OnlineState:
        """Return the state after further observations, from each of which the readout has learned."""
        seen, rows = self._rows_after(state, y, X)
        layout = Layout(np.array([len(rows)]), "single")
        states, final = self.reservoir_.drive(rows, layout, state.reservoir[np.newaxis])
        features = self.design().features(rows, rows[:, self.n_targets_ :])(states, slice(None))
        targets = self.inputs_.standardised(seen)[1:]
        learner = deepcopy(state.learner)
        learner.partial_fit(features, targets[:, 0] if targets.shape[1] == 1 else targets)
        return OnlineState(final[0], seen[len(y) :].copy(), *linear_readout(learner), learner)

    def _ahead_free(self, state, n_steps, exog):
        last = self.inputs_.standardised(state.tail)[-1]
        linear = state.coef, state.intercept
        z, n_done = self.design().run_free(self.reservoir_, *linear, state.reservoir, last, exog)
        return without_divergence(z, n_done, *self.inputs_.standard_limits, self.escape_factor)
