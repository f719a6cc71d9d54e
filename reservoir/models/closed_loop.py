"""ClosedLoop: a trained reservoir that feeds on its own output, as an autonomous dynamical system."""

from typing import Any, NamedTuple

import numpy as np

from reservoir.contracts.series_layout import Layout
from reservoir.readouts.online import OnlineReadout
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_reservoir import Reservoir, check_n_steps

_LINEAR: tuple[Any, ...] = (RidgeReadout.predict, OnlineReadout.predict)  # no need to ask them


class ClosedLoop(NamedTuple):
    r"""A trained model that runs free: a map of points ``p = (s, y)``, the reservoir's state and the output.

    .. math:: s(t) = F\big(s(t-1), [g\,y(t-1), x]\big), \qquad y(t) = V [s(t), y(t-1)] + c

    ``closed_loop`` of ``ESNRegressor``, ``ReservoirForecaster`` and ``LocalReservoirForecaster`` makes it;
    `reservoir.diagnostics` looks at it.

    Attributes
    ----------
    reservoir : Reservoir
        Fitted.
    weights : ndarray of shape (n_outputs, n_states + n_outputs)
        Readout ``V`` of the states and of the previous output.
    intercept : ndarray of shape (n_outputs,)
    gain : float
        Factor ``g`` on the fed back output.
    exog : ndarray of shape (n_exog,)
        Constant inputs ``x`` behind the fed back outputs.
    start : ndarray of shape (state_size + n_outputs,)
        Point after training.
    centre, scale : ndarray of shape (n_outputs,)
        The data are ``centre + scale * y``.
    low, high : ndarray of shape (n_outputs,)
        Range of the outputs in training, in units of the data.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState, ESNRegressor
    >>> y = np.sin(0.3 * np.arange(401.0))[:, np.newaxis]
    >>> loop = ESNRegressor(EchoState(50, random_state=0)).fit(y[:-1], y[1:]).closed_loop()
    >>> bool(np.abs(loop.run(20)[:, 0] - np.sin(0.3 * np.arange(401.0, 421.0))).max() < 1e-2)
    True
    """

    reservoir: Reservoir
    weights: np.ndarray
    intercept: np.ndarray
    gain: float
    exog: np.ndarray
    start: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def n_outputs(self) -> int:
        """Width of the output."""
        return len(self.intercept)

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.reservoir.state_size_ + self.n_outputs

    def step(self, point: np.ndarray, tangents: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Map a point one step on, and small changes of it along.

        Parameters
        ----------
        point : ndarray of shape (size,)
        tangents : ndarray of shape (size, n_tangents), optional
            Default: none.

        Returns
        -------
        point : ndarray of shape (size,)
        tangents : ndarray of shape (size, n_tangents)
            The Jacobian at the old point times the tangents.
        """
        n_outputs = self.n_outputs
        tangents = np.zeros((self.size, 0)) if tangents is None else tangents
        state, output = point[:-n_outputs], point[-n_outputs:]
        d_state, d_output = tangents[:-n_outputs], tangents[-n_outputs:]
        row = np.concatenate([self.gain * output, self.exog])
        d_row = np.zeros((len(row), tangents.shape[1]))
        d_row[:n_outputs] = self.gain * d_output
        seen, state, d_seen, d_state = self.reservoir.tangent_step(row, state, d_row, d_state)
        of_states, of_output = self.weights[:, :-n_outputs], self.weights[:, -n_outputs:]
        new = of_states @ seen + of_output @ output + self.intercept
        d_new = of_states @ d_seen + of_output @ d_output
        return np.concatenate([state, new]), np.concatenate([d_state, d_new])

    def jacobian(self, point: np.ndarray) -> np.ndarray:
        """Return the Jacobian of one step.

        Parameters
        ----------
        point : ndarray of shape (size,)

        Returns
        -------
        ndarray of shape (size, size)
        """
        return self.step(point, np.eye(self.size))[1]

    def run(
        self, n_steps: int, point: np.ndarray | None = None, return_point: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Run free.

        Parameters
        ----------
        n_steps : int
        point : ndarray of shape (size,), optional
            Default: ``start``.
        return_point : bool, default=False
            Also return the point after the last step.

        Returns
        -------
        outputs : ndarray of shape (n_steps, n_outputs)
            In units of the data, NaN after the first that was not finite.
        point : ndarray of shape (size,)
            Only with ``return_point``.
        """
        point = self.start if point is None else np.asarray(point, dtype=float)
        if point.shape != (self.size,):
            raise ValueError(
                f"point has shape {point.shape}, expected ({self.size},), such as synchronise gives"
            )
        check_n_steps(n_steps)
        n_outputs = self.n_outputs
        outputs, state, _ = self.reservoir.run_free(
            n_steps,
            self.weights,
            self.intercept,
            point[:-n_outputs],
            point[-n_outputs:],
            np.tile(self.exog, (n_steps, 1)),
            self.gain,
        )
        data = self.centre + self.scale * outputs
        last = outputs[-1] if len(outputs) else point[-n_outputs:]
        return (data, np.concatenate([state, last])) if return_point else data

    def synchronise(self, context) -> np.ndarray:
        """Return the point after observing a series, driven from rest.

        Parameters
        ----------
        context : array-like of shape (n_steps,) or (n_steps, n_outputs)
            In units of the data, at least one step.

        Returns
        -------
        ndarray of shape (size,)
        """
        rows = np.asarray(context, dtype=float)
        rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != self.n_outputs or len(rows) == 0:
            raise ValueError(
                f"context has shape {np.shape(context)}, expected (n_steps, {self.n_outputs}) with at least one step"
            )
        if not np.isfinite(rows).all():
            raise ValueError("context holds NaN or infinity: begin behind the gap, or fill it")
        outputs = (rows - self.centre) / self.scale
        state = self.reservoir.zero_states(1, outputs.dtype)[0]
        if len(outputs) > 1:
            inputs = np.hstack([self.gain * outputs[:-1], np.tile(self.exog, (len(outputs) - 1, 1))])
            state = self.reservoir.transform(inputs, return_state=True)[1]
        return np.concatenate([state, outputs[-1]])


def closed_loop_of(model: Any) -> ClosedLoop:
    """Return the closed loop of a model: itself, or what its ``closed_loop()`` gives.

    Raises
    ------
    TypeError
        If the model is no closed loop and has none.
    """
    if isinstance(model, ClosedLoop):
        return model
    if not hasattr(model, "closed_loop"):
        raise TypeError(
            f"{type(model).__name__} has no closed loop: give an ESNRegressor, ReservoirForecaster or ClosedLoop"
        )
    return model.closed_loop()


def run_free_with(answer, reservoir, state, last_output, exog, gain=1.0):
    """Run free with any readout, step by step; ``Reservoir.run_free`` is for linear ones, and fast.

    Parameters
    ----------
    answer : callable
        ``answer(states, row)`` gives the output for states (1, n_states) and the row (1, n_features) that drove
        them: what was fed back, and then the exogenous inputs.
    reservoir : Reservoir
        Fitted.
    state : ndarray of shape (state_size,)
    last_output : ndarray of shape (n_outputs,)
    exog : ndarray of shape (n_steps, n_features - n_outputs)
    gain : float, default=1.0
        Factor on what is fed back.

    Returns
    -------
    outputs : ndarray of shape (n_steps, n_outputs)
        NaN after the first that was not finite.
    state : ndarray of shape (state_size,)
    n_done : int
        Steps done.
    """
    one = Layout(np.array([1]), "single")
    outputs = np.full((len(exog), len(last_output)), np.nan, dtype=exog.dtype)
    state = state[np.newaxis]
    for t in range(len(exog)):
        row = np.concatenate([gain * last_output, exog[t]], dtype=exog.dtype)[np.newaxis]
        states, state = reservoir.drive(row, one, state)
        outputs[t] = last_output = np.reshape(answer(states, row), -1)
        if not np.isfinite(last_output).all():
            return outputs, state[0], t + 1
    return outputs, state[0], len(exog)


def is_linear(readout: Any) -> bool:
    """Whether a fitted readout is its coefficients and intercept, and so runs free in compiled code.

    Others have them too: generalised linear models put a function around them, partial least squares centres.
    """
    if not (hasattr(readout, "coef_") and hasattr(readout, "intercept_")):
        return False
    if type(readout).predict in _LINEAR:
        return True
    coef, intercept = np.atleast_2d(readout.coef_), np.atleast_1d(readout.intercept_)
    rows = np.vstack([np.zeros(coef.shape[1]), np.cos(np.arange(coef.shape[1]))])
    with np.errstate(over="ignore"):
        said = np.reshape(readout.predict(rows), (2, -1))
    size = np.abs(rows) @ np.abs(coef.T) + np.abs(intercept)
    return said.shape == size.shape and bool((np.abs(said - rows @ coef.T - intercept) <= 1e-6 * size).all())


def linear_readout(readout: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (n_outputs, n_features) and intercept (n_outputs,) of a readout that can be fed back.

    Raises
    ------
    ValueError
        If it is not linear.
    """
    if not is_linear(readout):
        raise ValueError(
            f"readout={readout!r} is not linear: a closed loop and its linearisation need predictions that are coef_ "
            "and intercept_, as those of RidgeReadout"
        )
    return np.atleast_2d(readout.coef_), np.atleast_1d(readout.intercept_)
