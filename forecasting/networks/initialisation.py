"""First values of the weights.

Input weights are uniform with variance 2 / (n_inputs + n_units) (Glorot and Bengio 2010, eq. 16), recurrent ones
orthogonal gate by gate, so that the linear part of the recurrence neither shrinks nor stretches a gradient (Saxe,
McClelland and Ganguli 2014), biases 0 but for the forget gate's, which begins open at 1 (Gers, Schmidhuber and
Cummins 2000; Jozefowicz, Zaremba and Sutskever 2015). For dependencies of a known length its bias is drawn so that
gates keep for times spread up to that length (Tallec and Ollivier 2018).
"""

import numpy as np

from reservoir.kernels.threads import OneBlasThread


def glorot_uniform(n_inputs: int, n_units: int, n_gates: int, rng: np.random.Generator) -> np.ndarray:
    """Draw input weights (n_inputs, n_gates * n_units), every gate as a layer of its own."""
    bound = np.sqrt(6 / (n_inputs + n_units))
    return rng.uniform(-bound, bound, (n_inputs, n_gates * n_units))


def orthogonal(n_units: int, n_gates: int, rng: np.random.Generator) -> np.ndarray:
    """Draw recurrent weights (n_units, n_gates * n_units): one orthogonal matrix beside the other.

    Each is uniform over all orthogonal matrices (Mezzadri 2007: the signs of the triangular factor count).
    """
    blocks = []
    for _ in range(n_gates):
        with OneBlasThread(n_units):
            q, r = np.linalg.qr(rng.standard_normal((n_units, n_units)))
        blocks.append(q * np.sign(np.diag(r)))
    return np.hstack(blocks)


def chrono_bias(n_units: int, longest_dependency: int, rng: np.random.Generator) -> np.ndarray:
    """Draw biases (n_units,) of a gate that keeps: ``log(U(1, T - 1))``, so that a unit forgets after 2 to T steps.

    A gate ``sigmoid(b)`` keeps for about ``1 + exp(b)`` steps (Tallec and Ollivier 2018, "Can recurrent neural
    networks warp time?", ICLR).
    """
    return np.log(rng.uniform(1, longest_dependency - 1, n_units))
