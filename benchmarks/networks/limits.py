"""What the recurrent products of a layer take by themselves: how fast it could be if all the rest cost nothing.

A step forward multiplies what every series remembers by the recurrent weights, a step back the gradients by the same
weights transposed, and the gradient of the weights is one product over all steps.
"""

from collections.abc import Callable

import numpy as np

from forecasting.networks.cells.step_products import (
    add_back,
    add_onward,
    add_product,
    in_panels,
    turned,
)
from forecasting.networks.cells.views import at_step
from forecasting.networks.parameters import ParameterVector
from reservoir.kernels.compilation import compiled

N_GATES = {"lstm": 4, "gru": 3, "rnn": 1}


@compiled
def _products(states, gates, weights, carry, grads):
    n_steps, n_series, n_units = states.shape
    transposed, panels = turned(weights, n_series), in_panels(weights, n_series, n_steps)
    for t in range(n_steps):
        drive, heard = at_step(gates, t, 0, gates.shape[2]), at_step(states, t, 0, n_units)
        add_onward(drive, heard, weights, panels, t)
    for t in range(n_steps - 1, -1, -1):
        carry[:] = 0
        add_back(carry, at_step(gates, t, 0, gates.shape[2]), weights, transposed, t)
    rows = states.reshape(-1, states.shape[2]), gates.reshape(-1, gates.shape[2])
    add_product(grads, rows[0].T, rows[1])


def products(name: str, n_steps: int, n_series: int, n_units: int) -> Callable[[], None]:
    """Return what does the recurrent products of a layer, forward and backward, once, in float32."""
    rng, width = np.random.default_rng(0), N_GATES[name] * n_units
    states = rng.standard_normal((n_steps, n_series, n_units)).astype(np.float32)
    gates = np.zeros((n_steps, n_series, width), np.float32)
    (weights,) = ParameterVector((1e-3 * rng.standard_normal((n_units, width)).astype(np.float32),)).tree
    carry, grads = np.zeros((n_series, n_units), np.float32), np.zeros_like(weights)

    def run():
        gates[:] = 0
        grads[:] = 0
        _products(states, gates, weights, carry, grads)

    return run
