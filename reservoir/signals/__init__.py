"""Benchmark signals with published parameters: chaotic maps and flows, delay and partial differential
equations, driven noise, sines.

All return float64, ``(n_steps,)`` for one series and ``(n_steps, n_dims)`` for a system, after a washout that
each one states. The chaotic systems are deterministic: ``random_state=None`` gives the same series at every
call, any other value a start of its own.
"""

from reservoir.signals.delay import mackey_glass
from reservoir.signals.maps import henon, logistic_map
from reservoir.signals.narma import narma
from reservoir.signals.ode import lorenz63, lorenz96, rossler
from reservoir.signals.pde import kuramoto_sivashinsky
from reservoir.signals.sines import multiple_sines

__all__ = [
    "henon",
    "kuramoto_sivashinsky",
    "logistic_map",
    "lorenz63",
    "lorenz96",
    "mackey_glass",
    "multiple_sines",
    "narma",
    "rossler",
]
