"""Look inside a reservoir, and judge a trained model that runs free."""

from reservoir.diagnostics.jacobians import Jacobians, state_jacobians
from reservoir.diagnostics.lyapunov import (
    LyapunovSpectrum,
    conditional_lyapunov_exponents,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
)

__all__ = [
    "Jacobians",
    "LyapunovSpectrum",
    "conditional_lyapunov_exponents",
    "kaplan_yorke_dimension",
    "lyapunov_spectrum",
    "state_jacobians",
]
