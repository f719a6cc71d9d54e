"""Small instances of every public reservoir, for the tests that run over all of them."""

from sklearn.base import BaseEstimator

import reservoir
from reservoir import (
    ES2N,
    BidirectionalReservoir,
    ConceptorMemory,
    DeepEchoState,
    EchoState,
    EnsembleReservoirs,
    ESNClassifier,
    ESNRegressor,
    EulerState,
    ForceGenerator,
    LeakyUnits,
    ParallelReservoirs,
    SpikingUnits,
    SquaredStates,
    WindowESNRegressor,
)
from reservoir.reservoirs.base_reservoir import Reservoir

_SMALL = {
    EchoState: lambda: EchoState(20),
    ES2N: lambda: ES2N(20),
    EulerState: lambda: EulerState(20, step_size=0.5, diffusion=0.3),
    BidirectionalReservoir: lambda: BidirectionalReservoir(EchoState(15)),
    ConceptorMemory: lambda: ConceptorMemory(EchoState(20)),
    DeepEchoState: lambda: DeepEchoState(EchoState(15), 2),
    EnsembleReservoirs: lambda: EnsembleReservoirs(EchoState(10), 2),
    ParallelReservoirs: lambda: ParallelReservoirs([EchoState(10), LeakyUnits(EchoState(5))]),
    ForceGenerator: lambda: ForceGenerator(EchoState(20)),
    SpikingUnits: lambda: SpikingUnits(100, bias_scaling=0.3),
    SquaredStates: lambda: SquaredStates(EchoState(20)),
    LeakyUnits: lambda: LeakyUnits(EchoState(20)),
    ESNRegressor: lambda: ESNRegressor(EchoState(20)),
    WindowESNRegressor: lambda: WindowESNRegressor(reservoir=EchoState(20)),
    ESNClassifier: lambda: ESNClassifier(EchoState(20)),
}


def small(estimator_class):
    """An instance that is fast to fit."""
    return _SMALL.get(estimator_class, estimator_class)()


def estimators():
    """Small instances of every public estimator."""
    public = (getattr(reservoir, name) for name in reservoir.__all__)
    classes = [one for one in public if isinstance(one, type) and issubclass(one, BaseEstimator)]
    return [small(one) for one in classes if hasattr(one, "fit")]


def reservoirs():
    """Small instances of every public reservoir."""
    return [one for one in estimators() if isinstance(one, Reservoir)]
