"""Reservoir computing as scikit-learn estimators: fixed random recurrent dynamics and trained readouts."""

from reservoir import signals, topology
from reservoir.bidirectional import BidirectionalReservoir
from reservoir.conceptors import ConceptorMemory, conceptor
from reservoir.deep import DeepEchoState
from reservoir.echo_state import EchoState
from reservoir.edge_of_stability import ES2N
from reservoir.esn import ESNRegressor
from reservoir.esn_classifier import ESNClassifier
from reservoir.euler_state import EulerState
from reservoir.force import ForceGenerator
from reservoir.intrinsic_plasticity import IntrinsicPlasticity
from reservoir.leaky_units import LeakyUnits
from reservoir.nvar import NVAR
from reservoir.online import LeastMeanSquares, RecursiveLeastSquares
from reservoir.parallel import EnsembleReservoirs, ParallelReservoirs
from reservoir.persistence import load, save
from reservoir.readout import RidgeReadout
from reservoir.spiking import SpikingUnits
from reservoir.squares import SquaredStates
from reservoir.window_esn import WindowESNRegressor

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
