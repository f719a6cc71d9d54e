"""ESNRegressor: any reservoir and any readout, a target at every step."""

from functools import partial
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from reservoir.contracts.series_layout import stack, stack_targets
from reservoir.contracts.settings import check_settings, settings_of
from reservoir.models.base_network import EchoStateNetwork
from reservoir.models.closed_loop import ClosedLoop, is_linear, linear_readout, run_free_with
from reservoir.models.harvest import after_washout
from reservoir.readouts.linearised_noise import noise_penalties
from reservoir.reservoirs.base_reservoir import FLOATS, refuse_future


class ESNRegressor(MultiOutputMixin, RegressorMixin, EchoStateNetwork):
    r"""Echo-state network for regression: a target at every step of a series.

    .. math::

        s(t) = F\big(s(t-1), [x(t), \phi\, y(t-1)]\big), \qquad \hat y(t) = V [s(t), x(t)] + c

    ``F`` is the reservoir; only the readout is learned. Feedback of the target (``phi``) and inputs beside
    the states (``x`` in the readout) are options.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState()``. It is cloned.
    readout : regressor, optional
        Any scikit-learn regressor. Default: ``RidgeReadout()``, which is fitted while the states are
        produced, in memory that does not grow with the length of the series; others get all states at once.
        With feedback, linear ones run in compiled code, others are asked at every step.
    washout : int, default=100
        Rows at the start of each series that are left out of training, while the reservoir forgets that it
        started from rest; at most half of a series.
    feedback_scaling : float, default=0.0
        ``phi``. If not 0, the previous targets enter the reservoir as further inputs, the true ones in
        training (teacher forcing), the predicted ones in ``predict``. The input scaling of the reservoir
        multiplies them too.
    input_skip : bool, default=False
        Let the readout see the inputs beside the states.
    predict_state : {"last", "zero"}, default="last"
        Where ``predict`` starts without ``groups`` and ``initial_state``: at the end of training, as if the
        rows went on from there, or at rest. With several training series it is always at rest.
    linearised_noise : float, default=0.0
        Standard deviation of noise on the inputs of the reservoir that the readout is trained to withstand,
        without any being drawn: on the fed back targets if there is feedback, else on all inputs. Its expected
        cost, to first order, is added to the normal equations of ``RidgeReadout``. It keeps free runs on the
        attractor. See :mod:`reservoir.readouts.linearised_noise`; ``noise`` of a reservoir is noise that is drawn.
    linearised_noise_steps : int, default=16
        Steps whose noise counts. 1 penalises the Jacobian of a single step; with few, a readout may turn to
        older inputs instead, which makes free runs worse.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every part whose own ``random_state`` is None.

    Attributes
    ----------
    reservoir_, readout_ : estimators
        The fitted clones.
    final_state_ : ndarray of shape (state_size,) or (n_series, state_size)
        State at the end of training, followed by the last target if there is feedback.
    fitted_values_ : ndarray in the form of ``y``
        In-sample fit of every training row, the washout included; driven anew at each access. With feedback
        the true targets are fed back.
    target_range_ : ndarray of shape (2, n_targets)
        Smallest and largest target in training.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> from reservoir import EchoState
    >>> x = np.sin(0.3 * np.arange(601.0))
    >>> X, y = x[:-1, np.newaxis], x[1:]
    >>> model = ESNRegressor(EchoState(100, random_state=0)).fit(X[:400], y[:400])
    >>> bool(np.abs(model.predict(X[400:]) - y[400:]).max() < 1e-3)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **EchoStateNetwork._parameter_constraints,
        "feedback_scaling": [Interval(Real, None, None, closed="neither")],
        "predict_state": [StrOptions({"last", "zero"})],
        "linearised_noise": [Interval(Real, 0, None, closed="left")],
        "linearised_noise_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        reservoir=None,
        readout=None,
        *,
        washout=100,
        feedback_scaling=0.0,
        input_skip=False,
        predict_state="last",
        linearised_noise=0.0,
        linearised_noise_steps=16,
        random_state=None,
    ):
        self.reservoir = reservoir
        self.readout = readout
        self.washout = washout
        self.feedback_scaling = feedback_scaling
        self.input_skip = input_skip
        self.predict_state = predict_state
        self.linearised_noise = linearised_noise
        self.linearised_noise_steps = linearised_noise_steps
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, groups=None):
        """Drive the reservoir over the series and learn the readout.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), list of such, or array (n_series, n_steps, n_features)
            Rows are consecutive time steps.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), or in the form of ``X``
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row.

        Returns
        -------
        self
        """
        rows, layout = stack(X, groups)
        rows, targets = validate_data(
            self, rows, stack_targets(y, layout), dtype=FLOATS, multi_output=True, y_numeric=True
        )
        self._flat_targets = targets.ndim == 1
        columns = targets.reshape(len(rows), -1).astype(rows.dtype, copy=False)
        self._n_outputs = columns.shape[1]
        inputs = self._with_feedback(rows, columns, layout)
        seed = self._start(inputs, layout)
        if self.feedback_scaling:
            refuse_future(self.reservoir_, "a network with feedback")
        penalties = partial(self._penalties, inputs, layout) if self.linearised_noise else None
        final = self._train(inputs, rows, targets, layout, seed, penalties)
        self._training = inputs.copy(), layout
        if self.feedback_scaling:
            ends = layout.starts + layout.lengths - 1
            final = np.hstack([final, columns[ends]])
        self.settings_ = settings_of(self, ("feedback_scaling", "input_skip"))
        self.final_state_ = final[0] if len(final) == 1 else final
        self.target_range_ = np.array([columns.min(axis=0), columns.max(axis=0)], dtype=float)
        self._end = final[-1, : self.reservoir_.state_size_].astype(float), columns[-1].astype(float)
        return self

    def predict(self, X, groups=None, initial_state=None, return_state=False):
        """Predict a target for every row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), list of such, or array (n_series, n_steps, n_features)
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row. Each series starts from rest.
        initial_state : array-like of shape (state_size,) or (n_series, state_size), optional
            States to start from.
        return_state : bool, default=False
            Also return the state after the last row.

        Returns
        -------
        y : ndarray of shape (n_rows,) or (n_rows, n_targets), or in the form of ``X``
        state : ndarray
            Only with ``return_state``.
        """
        check_is_fitted(self)
        check_settings(self)
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=FLOATS, reset=False)
        state = self._initial(initial_state, layout, rows.dtype)
        if self.feedback_scaling:
            predicted = self._predict_closed(rows, layout, state)
        else:
            predicted = self._readout_of(rows, rows, layout, state)
        predicted = layout.restore(predicted.reshape(-1 if self._flat_targets else (len(rows), -1)))
        return (predicted, state[0] if layout.is_single else state) if return_state else predicted

    def score(self, X, y, sample_weight=None, groups=None):
        """Return the coefficient of determination, the mean over targets.

        Parameters
        ----------
        X : array-like, list or array of series
            As for ``predict``.
        y : array-like in the form of ``X``
        sample_weight : array-like of shape (n_rows,), optional
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row.

        Returns
        -------
        float
        """
        _, layout = stack(X, groups)
        predicted = stack_targets(self.predict(X, groups), layout)
        return r2_score(stack_targets(y, layout), predicted, sample_weight=sample_weight)

    def closed_loop(self, exog=None) -> ClosedLoop:
        """Return the trained network as an autonomous system that feeds on its own output.

        With feedback its output is fed back. Without, the network must have learned to predict its own next
        input, ``fit(series[:-1], series[1:])``, and the prediction becomes the input.

        Parameters
        ----------
        exog : array-like of shape (n_features,), optional
            Constant inputs; needed with feedback, and only there.

        Returns
        -------
        ClosedLoop
            It starts at the end of the (last) training series.
        """
        check_is_fitted(self)
        check_settings(self)
        weights, intercept, skip = self._linear_readout()
        n_outputs = self._n_outputs
        if self.feedback_scaling:
            if np.shape(exog) != (self.n_features_in_,):
                raise ValueError(
                    f"exog has shape {np.shape(exog)}, expected ({self.n_features_in_},): with feedback, give the "
                    "constant inputs under which the loop runs"
                )
            constant = np.array(exog, dtype=float)
            intercept = intercept + skip @ constant
        elif exog is not None or self.n_features_in_ != n_outputs:
            raise ValueError(
                f"a network of {self.n_features_in_} inputs and {n_outputs} outputs without feedback closes no loop"
                f"{' with exog' if exog is not None else ''}: train it to predict its next input, or use feedback"
            )
        else:
            constant = np.zeros(0)
            weights = np.hstack([weights[:, : self.reservoir_.n_states_], skip])
        return ClosedLoop(
            self.reservoir_,
            weights.astype(float),
            np.broadcast_to(intercept, n_outputs).astype(float),
            float(self.feedback_scaling or 1.0),
            constant,
            np.concatenate(self._end),
            np.zeros(n_outputs),
            np.ones(n_outputs),
            *self.target_range_,
        )

    @property
    def fitted_values_(self):
        """In-sample fit of every training row, driven anew at each access."""
        check_is_fitted(self)
        check_settings(self)
        inputs, layout = self._training
        state = self.reservoir_.zero_states(len(layout.lengths), inputs.dtype)
        rows = inputs[:, inputs.shape[1] - self.n_features_in_ :]
        fitted = self._readout_of(rows, inputs, layout, state)
        return layout.restore(fitted.reshape(-1 if self._flat_targets else (len(rows), -1)))

    # ---------------------------------------------------------------- private

    def _with_feedback(self, rows, targets, layout):
        """Inputs of the reservoir in training: the fed back targets, zero at each start, and the rows."""
        if not self.feedback_scaling:
            return rows
        previous = np.zeros_like(targets)
        previous[1:] = self.feedback_scaling * targets[:-1]
        previous[layout.starts] = 0
        return np.hstack([previous, rows])

    def _penalties(self, inputs, layout):
        """Rows that stand for noise on what is fed back or, without feedback, on all inputs."""
        n_inputs = inputs.shape[1]
        own = np.arange(n_inputs - self.n_features_in_, n_inputs)
        return noise_penalties(
            self.reservoir_,
            inputs,
            layout,
            after_washout(self.washout, layout),
            std=self.linearised_noise,
            n_memory=self.linearised_noise_steps,
            noisy=np.arange(self._n_outputs) if self.feedback_scaling else own,
            seen=own if self.input_skip else own[:0],
        )

    def _initial(self, initial_state, layout, dtype):
        """States to start from, (n_series, state_size), with the last target behind if there is feedback."""
        n_series = len(layout.lengths)
        n_outputs = self._n_outputs if self.feedback_scaling else 0
        if initial_state is None:
            if layout.is_single and self.predict_state == "last" and self.final_state_.ndim == 1:
                return self.final_state_[np.newaxis].astype(dtype)
            zeros = self.reservoir_.zero_states(n_series, dtype)
            return np.hstack([zeros, np.zeros((n_series, n_outputs), dtype)])
        state = np.array(initial_state, dtype=dtype, ndmin=2)
        expected = self.reservoir_.state_size_ + n_outputs
        if state.shape != (n_series, expected):
            raise ValueError(
                f"initial_state has shape {np.shape(initial_state)}, expected ({expected},) for one series or "
                f"({n_series}, {expected}) for these: pass what return_state=True gave"
            )
        if not np.isfinite(state).all():
            raise ValueError("initial_state holds NaN or infinity: pass what return_state=True gave")
        return state

    def _predict_closed(self, rows, layout, state):
        """Predict with the predicted targets fed back."""
        size = self.reservoir_.state_size_
        predicted = np.empty((len(rows), self._n_outputs), dtype=rows.dtype)
        run = self._linear_loop() if is_linear(self.readout_) else self._any_loop
        for s, (start, n_steps) in enumerate(zip(layout.starts, layout.lengths)):
            part = slice(start, start + n_steps)
            predicted[part], state[s, :size], n_done = run(state[s, :size], state[s, size:], rows[part])
            if n_done < n_steps:
                raise ValueError(
                    f"the network with feedback diverged at step {n_done} of series {s}: lower feedback_scaling or "
                    "the spectral radius, raise alpha of the readout, or train with noise in the reservoir"
                )
            state[s, size:] = predicted[part][-1]
        return predicted

    def _linear_loop(self):
        """Free run of one series, compiled: from state, last output and inputs."""
        weights, intercept, skip = self._linear_readout()

        def run(state, last, rows):
            constant = rows @ skip.T + intercept
            return self.reservoir_.run_free(
                len(rows), weights, constant, state, last, rows, self.feedback_scaling
            )

        return run

    def _any_loop(self, state, last, rows):
        """Free run of one series, with a readout that is asked at every step."""

        def answer(states, row):
            return self.readout_.predict(self._features(states, row[:, self._n_outputs :]))

        return run_free_with(answer, self.reservoir_, state, last, rows, self.feedback_scaling)

    def _linear_readout(self):
        """Readout as weights of states and (zero) of the previous output, intercept, weights of the inputs."""
        coef, intercept = linear_readout(self.readout_)
        n_states, n_outputs = self.reservoir_.n_states_, self._n_outputs
        skip = coef[:, n_states:] if self.input_skip else np.zeros((n_outputs, self.n_features_in_))
        weights = np.hstack([coef[:, :n_states], np.zeros((n_outputs, n_outputs))])
        return weights, intercept, skip
