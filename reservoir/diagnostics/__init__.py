"""Look inside a reservoir, and judge a trained model that runs free."""

from reservoir.diagnostics.attractors import (
    AttractorComparison,
    PowerSpectrum,
    compare_attractors,
    power_spectrum,
)
from reservoir.diagnostics.echo_state_index import EchoIndex, echo_state_index, effective_spectral_radius
from reservoir.diagnostics.jacobians import Jacobians, state_jacobians
from reservoir.diagnostics.lyapunov import (
    LyapunovSpectrum,
    conditional_lyapunov_exponents,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
)
from reservoir.diagnostics.memory import MemoryCapacity, memory_capacity
from reservoir.diagnostics.prediction_time import valid_prediction_times
from reservoir.diagnostics.processing_capacity import ProcessingCapacity, information_processing_capacity
from reservoir.diagnostics.ranks import StateRank, generalisation_rank, kernel_rank
from reservoir.diagnostics.stability import FixedPoint, StabilityReport, stability_report

__all__ = [
    "AttractorComparison",
    "EchoIndex",
    "FixedPoint",
    "Jacobians",
    "LyapunovSpectrum",
    "MemoryCapacity",
    "PowerSpectrum",
    "ProcessingCapacity",
    "StabilityReport",
    "StateRank",
    "compare_attractors",
    "conditional_lyapunov_exponents",
    "echo_state_index",
    "effective_spectral_radius",
    "generalisation_rank",
    "information_processing_capacity",
    "kaplan_yorke_dimension",
    "kernel_rank",
    "lyapunov_spectrum",
    "memory_capacity",
    "power_spectrum",
    "stability_report",
    "state_jacobians",
    "valid_prediction_times",
]
