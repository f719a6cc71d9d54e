"""The reservoir contract: a transformer from series to states, row for row.

A reservoir is a scikit-learn transformer; state goes in and comes out and is never hidden. A new one derives
from :class:`Reservoir`, lists its hyper-parameters in ``__init__`` and implements two hooks over plain arrays:

``_build(n_features, dtype, rng)``
    Draw everything that is random; set ``n_states_`` (width of what ``transform`` returns) and
    ``state_size_`` (numbers that carry the past from one step to the next).
``_run(rows, layout, initial, noise_rng=None)``
    Stacked rows and initial states ``(n_series, state_size)`` to stacked states and final states.

Optionally ``_pretrain``, where something is learned from the inputs; ``_part``, a step in compiled code, with which
free runs are fast; and ``_tangent_step``, one step with its linearisation, by which :mod:`reservoir.diagnostics`
and regularised training see the Jacobians.
"""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from reservoir.contracts.random_source import make_rng
from reservoir.contracts.series_layout import stack
from reservoir.contracts.settings import check_settings, settings_of
from reservoir.kernels.stepping import run_free

FLOATS = (np.float64, np.float32)

_FREE = {"n_jobs", "noise", "random_state"}  # what may change between fit and transform


class Reservoir(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of all reservoirs.

    Attributes
    ----------
    n_features_in_ : int
        Width of the input.
    n_states_ : int
        Width of the states.
    state_size_ : int
        Length of the state vector that ``transform`` takes and returns.
    """

    _parameter_constraints: ClassVar[dict] = {}

    # What a reservoir that draws nothing, and so does not take it, has.
    random_state: Any = None

    @property
    def states_are_state(self) -> bool:
        """Whether the state that is carried is the last row of the states; False where it is something else."""
        return False

    @property
    def is_causal(self) -> bool:
        """Whether no state depends on later inputs: what is not causal cannot run free or forecast."""
        return True

    @property
    def draws_noise(self) -> bool:
        """Whether its states are noisy in training: what goes on from there starts from states that are not."""
        return getattr(self, "noise", 0.0) > 0

    # ------------------------------------------------------------------ hooks

    def _build(self, n_features: int, dtype, rng: np.random.Generator) -> None:
        """Draw the weights for inputs of this width."""
        raise NotImplementedError

    def _run(self, rows, layout, initial, noise_rng=None):
        """Drive stacked series: states (n_rows, n_states) and final states (n_series, state_size)."""
        raise NotImplementedError

    def _pretrain(self, rows, layout) -> None:
        """Learn from stacked series without targets, after ``_build``, anew at each call; nothing by default."""

    def _zero_states(self, n_series: int, dtype) -> np.ndarray:
        """State before the first step, (n_series, state_size)."""
        return np.zeros((n_series, self.state_size_), dtype=dtype)

    @classmethod
    def _part(cls, members: list, states: np.ndarray) -> Any:
        """What takes fitted reservoirs of this class a step on in compiled code: see ``stepping``.

        ``states`` (n_places, state_size) are where the places start, those of a member one behind the other. None
        where there is nothing compiled, or not for these members together. Not asked where a class below has a
        ``_run`` of its own.
        """
        return None

    def _run_free(self, outputs, weights, initial, exog, gain):
        """Feed outputs back, one series; see :meth:`run_free`."""
        part = part_of([self], initial[np.newaxis])
        if part is None:
            return self._run_free_in_python(outputs, weights, initial, exog, gain)
        exog = np.ascontiguousarray(exog, dtype=outputs.dtype)
        room = (np.empty((1, n), outputs.dtype) for n in (self.n_features_in_, self.n_states_))
        n_done = run_free(outputs, part, exog, *room, weights, outputs.dtype.type(gain))
        return part.carried()[0], n_done

    def _run_free_in_python(self, outputs, weights, initial, exog, gain):
        n_outputs = outputs.shape[1]
        state = initial[np.newaxis]
        layout = stack(np.empty((1, 1)))[1]
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is looked for, and says so
            for t in range(len(outputs) - 1):
                row = np.concatenate([gain * outputs[t], exog[t]])[np.newaxis]
                states, state = self._run(row, layout, state)
                outputs[t + 1] += weights[:, :-n_outputs] @ states[0] + weights[:, -n_outputs:] @ outputs[t]
                if not np.isfinite(outputs[t + 1]).all():
                    return state[0], t + 1
        return state[0], len(outputs) - 1

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        """One step of one series in float64, and where it takes small changes of what it starts from.

        ``row`` (n_features,), ``state`` (state_size,) and changes of both in the columns of (n_features, k) and
        (state_size, k) to the row of states (n_states,), the state after it, and the changes of both.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no linearised step, which Jacobians, Lyapunov exponents and linearised_noise "
            "need: take another reservoir; one of your own implements _tangent_step (see Reservoir)"
        )

    # ------------------------------------------------------- arrays, for models

    def drive(self, rows, layout, initial, noise_rng=None):
        """Drive stacked series that have been validated, from given states.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
        layout : Layout
            Where each series starts.
        initial : ndarray of shape (n_series, state_size)
        noise_rng : numpy.random.Generator, optional
            Source of state noise; without it there is none.

        Returns
        -------
        states : ndarray of shape (n_rows, n_states)
        final : ndarray of shape (n_series, state_size)
            States after the last row of each series.
        """
        return self._run(rows, layout, initial, noise_rng)

    def zero_states(self, n_series, dtype):
        """Return the states before the first step, those of a reservoir at rest.

        Parameters
        ----------
        n_series : int
        dtype : dtype

        Returns
        -------
        ndarray of shape (n_series, state_size)
        """
        return self._zero_states(n_series, dtype)

    def pretrain(self, rows, layout):
        """Fit what is fitted to the inputs alone, such as intrinsic plasticity; nothing by default.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Stacked series.
        layout : Layout
        """
        self._pretrain(rows, layout)

    def tangent_step(self, row, state, row_tangents, state_tangents):
        """Return one step of one series and its derivatives along given directions.

        Parameters
        ----------
        row : ndarray of shape (n_features,)
        state : ndarray of shape (state_size,)
        row_tangents : ndarray of shape (n_features, k)
            Directions in which the input changes.
        state_tangents : ndarray of shape (state_size, k)
            Directions in which the state changes.

        Returns
        -------
        states : ndarray of shape (n_states,)
            What ``transform`` returns for this row.
        state : ndarray of shape (state_size,)
        states_tangents : ndarray of shape (n_states, k)
        state_tangents : ndarray of shape (state_size, k)

        Raises
        ------
        NotImplementedError
            If the reservoir has no linearised step.
        """
        return self._tangent_step(row, state, row_tangents, state_tangents)

    # ----------------------------------------------------------------- public

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, groups=None):
        """Draw the weights for the width and precision of ``X``.

        Its values are only validated, unless the class says that something is learned from them.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), list of such, or array (n_series, n_steps, n_features)
            float32 stays float32; everything else becomes float64.
        y : ignored
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row.

        Returns
        -------
        self
        """
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=FLOATS)
        self._build(rows.shape[1], rows.dtype, make_rng(self.random_state))
        self._pretrain(rows, layout)
        self.settings_ = settings_of(self, sorted(set(self._get_param_names()) - _FREE))
        return self

    def transform(self, X, groups=None, initial_state=None, return_state=False):
        """Drive the reservoir and return its states; every series starts from rest.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), list of such, or array (n_series, n_steps, n_features)
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row; the state restarts where it changes.
        initial_state : array-like of shape (state_size,) or (n_series, state_size), optional
            States to start from instead of rest.
        return_state : bool, default=False
            Also return the states after the last row of each series, in the shape of ``initial_state``.

        Returns
        -------
        states : array of shape (n_rows, n_states), or in the form of ``X``
        state : array of shape (state_size,) or (n_series, state_size)
            Only with ``return_state``.
        """
        check_is_fitted(self)
        check_settings(self)
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=FLOATS, reset=False)
        initial = self._read_state(initial_state, layout, rows.dtype)
        states, final = self._run(rows, layout, initial)
        states = layout.restore(states)
        return (states, final[0] if layout.is_single else final) if return_state else states

    def fit_transform(self, X, y=None, groups=None):
        """Fit and return the states of ``X``, with state noise if the reservoir has any.

        Noise belongs to training: a pipeline calls this in ``fit`` and the noise-free ``transform`` in
        ``predict``.

        Parameters
        ----------
        X, y, groups : see ``fit``

        Returns
        -------
        array of shape (n_rows, n_states), or in the form of ``X``
        """
        self.fit(X, y, groups)
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=FLOATS, reset=False)
        zeros = self._zero_states(len(layout.lengths), rows.dtype)
        states, _ = self._run(rows, layout, zeros, make_rng(self.random_state))
        return layout.restore(states)

    def run_free(self, n_steps, weights, intercept, initial_state, last_output, exog=None, gain=1.0):
        r"""Run free with a linear readout: each output is the next step's input.

        .. math:: y(t) = c(t) + V [s(t), y(t-1)], \qquad s(t) = F(s(t-1), [g\,y(t-1), x(t)])

        Parameters
        ----------
        n_steps : int
        weights : array of shape (n_outputs, n_states + n_outputs)
            Readout ``V`` of the states and of the previous output.
        intercept : array of shape (n_outputs,) or (n_steps, n_outputs)
        initial_state : array of shape (state_size,)
        last_output : array of shape (n_outputs,)
        exog : array of shape (n_steps, n_features - n_outputs), optional
            Inputs ``x`` beside the fed back outputs, which come first.
        gain : float, default=1.0
            Factor ``g`` on the fed back output.

        Returns
        -------
        outputs : array of shape (n_steps, n_outputs)
            NaN after the first output that was not finite.
        state : array of shape (state_size,)
            State after the last step done.
        n_done : int
            Steps done; fewer than ``n_steps`` if the run diverged.
        """
        check_is_fitted(self)
        check_settings(self)
        refuse_future(self, "run_free")
        check_n_steps(n_steps)
        initial, n_outputs = np.asarray(initial_state), np.shape(weights)[0]
        dtype = initial.dtype
        exog = np.zeros((n_steps, 0), dtype=dtype) if exog is None else np.asarray(exog)
        for name, given, expected in (
            ("initial_state", initial, (self.state_size_,)),
            ("last_output", last_output, (n_outputs,)),
            ("weights", weights, (n_outputs, self.n_states_ + n_outputs)),
            ("exog", exog, (n_steps, self.n_features_in_ - n_outputs)),
        ):
            if np.shape(given) != expected:
                raise ValueError(f"{name} has shape {np.shape(given)}, expected {expected}")
        outputs = np.empty((n_steps + 1, n_outputs), dtype=dtype)
        outputs[0] = last_output
        outputs[1:] = intercept
        weights = np.ascontiguousarray(weights, dtype=dtype)
        state, n_done = self._run_free(outputs, weights, initial, exog, gain)
        outputs[n_done + 1 :] = np.nan
        return outputs[1:], state, n_done

    # ---------------------------------------------------------------- private

    @property
    def _n_features_out(self) -> int:
        return self.n_states_

    def _read_state(self, initial_state, layout, dtype):
        n_series = len(layout.lengths)
        if initial_state is None:
            return self._zero_states(n_series, dtype)
        state = np.array(initial_state, dtype=dtype, ndmin=2)
        if state.shape != (n_series, self.state_size_):
            raise ValueError(
                f"initial_state has shape {np.shape(initial_state)}, expected "
                f"({self.state_size_},) for one series or ({n_series}, {self.state_size_}) for these: pass what "
                "return_state=True gave"
            )
        if not np.isfinite(state).all():
            raise ValueError("initial_state holds NaN or infinity: pass what return_state=True gave")
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def part_of(members: list[Reservoir], states: np.ndarray) -> Any:
    """Return what takes reservoirs a step on in compiled code, or None: see ``Reservoir._part``."""
    return type(members[0])._part(members, states) if have_parts(members) else None


def have_parts(members: list[Reservoir]) -> bool:
    """Whether reservoirs are of one class, and what it has compiled is of no class above the one that drives it."""
    kind = type(members[0])
    compiled, driven = (next(one for one in kind.__mro__ if name in vars(one)) for name in ("_part", "_run"))
    return all(type(member) is kind for member in members) and issubclass(compiled, driven)


def check_n_steps(n_steps: Any, least: int = 0) -> None:
    """Refuse a number of steps that is no whole number, or too small.

    Raises
    ------
    ValueError
        Naming it.
    """
    if not isinstance(n_steps, Integral) or n_steps < least:
        raise ValueError(f"n_steps={n_steps!r} must be a whole number of at least {least}")


def refuse_future(reservoir: Reservoir, user: str) -> None:
    """Refuse a fitted reservoir whose states know the future.

    Raises
    ------
    ValueError
        If it is not causal.
    """
    if not reservoir.is_causal:
        raise ValueError(
            f"the states of {reservoir!r} depend on later inputs, which {user} does not know: use a reservoir that "
            "reads forwards only"
        )
