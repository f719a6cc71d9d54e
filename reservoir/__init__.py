"""Reservoir computing as scikit-learn estimators: fixed random recurrent dynamics and trained readouts."""

from reservoir import signals, topology
from reservoir.contracts.persistence import load, save
from reservoir.models.conceptors import ConceptorMemory, conceptor
from reservoir.models.esn_classifier import ESNClassifier
from reservoir.models.esn_regressor import ESNRegressor
from reservoir.models.force import ForceGenerator
from reservoir.models.window_esn import WindowESNRegressor
from reservoir.readouts.online import LeastMeanSquares, RecursiveLeastSquares
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.bidirectional import BidirectionalReservoir
from reservoir.reservoirs.deep import DeepEchoState
from reservoir.reservoirs.echo_state import EchoState
from reservoir.reservoirs.edge_of_stability import ES2N
from reservoir.reservoirs.euler_state import EulerState
from reservoir.reservoirs.intrinsic_plasticity import IntrinsicPlasticity
from reservoir.reservoirs.leaky_units import LeakyUnits
from reservoir.reservoirs.nvar import NVAR
from reservoir.reservoirs.parallel import EnsembleReservoirs, ParallelReservoirs
from reservoir.reservoirs.spiking import SpikingUnits
from reservoir.reservoirs.squares import SquaredStates

__all__ = [
    "ES2N",
    "NVAR",
    "BidirectionalReservoir",
    "ConceptorMemory",
    "DeepEchoState",
    "ESNClassifier",
    "ESNRegressor",
    "EchoState",
    "EnsembleReservoirs",
    "EulerState",
    "ForceGenerator",
    "IntrinsicPlasticity",
    "LeakyUnits",
    "LeastMeanSquares",
    "ParallelReservoirs",
    "RecursiveLeastSquares",
    "RidgeReadout",
    "SpikingUnits",
    "SquaredStates",
    "WindowESNRegressor",
    "conceptor",
    "load",
    "save",
    "signals",
    "topology",
]
