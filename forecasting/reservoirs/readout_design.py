"""What the readouts of a reservoir forecaster see, what they forecast, and how a linear one runs free."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reservoir.reservoirs.base_reservoir import Reservoir


class ReadoutDesign(NamedTuple):
    """Shape of the readouts.

    Attributes
    ----------
    direct : bool
        A readout for steps further ahead, instead of one whose forecast is the next input.
    max_horizon : int
        Steps ahead of a direct one.
    input_skip : bool
        Whether a readout sees the inputs beside the states.
    n_targets : int
    """

    direct: bool
    max_horizon: int
    input_skip: bool
    n_targets: int

    def steps_ahead(self, with_exog: bool) -> list[list[int]]:
        """Return the steps that each readout forecasts: direct ones in one, unless each sees exogenous variables of
        its own."""
        if not self.direct:
            return [[0]]
        return [[k] for k in range(self.max_horizon)] if with_exog else [list(range(self.max_horizon))]

    def features(self, inputs: np.ndarray, later_exog: np.ndarray) -> Callable:
        """Return ``features(states, index)``: what a readout sees of some rows.

        Parameters
        ----------
        inputs : ndarray of shape (n_rows, n_inputs)
        later_exog : ndarray of shape (n_rows, n_features)
            Exogenous variables of the step that is forecast.

        Returns
        -------
        callable
            From states (n, n_states) and the index of their n rows to features (n, n_features).
        """
        beside = inputs if self.input_skip else inputs[:, :0]
        if self.direct:
            beside = np.hstack([beside, later_exog])
        return lambda states, index: np.hstack([states, beside[index]])

    def loop_weights(
        self, coef: np.ndarray, intercept: np.ndarray, n_states: int, exog: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of states and of the last output, and what is constant at each row of ``exog``."""
        n_targets = self.n_targets
        of_inputs = (
            coef[:, n_states:] if self.input_skip else np.zeros((n_targets, n_targets + exog.shape[1]))
        )
        weights = np.hstack([coef[:, :n_states], of_inputs[:, :n_targets]])
        return weights, intercept + exog @ of_inputs[:, n_targets:].T

    def run_free(
        self,
        reservoir: Reservoir,
        coef: np.ndarray,
        intercept: np.ndarray,
        state: np.ndarray,
        last: np.ndarray,
        exog: np.ndarray,
    ) -> tuple[np.ndarray, int]:
        """Return the standardised series after ``last``, as far as ``exog`` goes, and the steps before it diverged.

        Parameters
        ----------
        reservoir : Reservoir
            Fitted.
        coef, intercept : ndarray of shape (n_targets, n_features) and (n_targets,)
            Of a linear readout.
        state : ndarray of shape (state_size,)
        last : ndarray of shape (n_targets,)
        exog : ndarray of shape (n_steps, n_exog)

        Returns
        -------
        z : ndarray of shape (n_steps, n_targets)
        n_done : int
        """
        weights, constant = self.loop_weights(coef, intercept, reservoir.n_states_, exog)
        z, _, n_done = reservoir.run_free(len(exog), weights, constant, state, last, exog)
        return z, n_done
