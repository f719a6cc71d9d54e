"""What every echo-state network shares: a reservoir, washout, and the harvest that feeds a readout."""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval

from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng, seed_open_parts
from reservoir.models.harvest import after_washout, harvest, train_readout
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_reservoir import Reservoir
from reservoir.reservoirs.echo_state import EchoState


class EchoStateNetwork(DefaultParts):
    """What regressor and classifier share: reservoir, washout, state, and the harvest that feeds a readout."""

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "readout": [HasMethods(["fit", "predict"]), None],
        "washout": [Interval(Integral, 0, None, closed="left")],
        "input_skip": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": EchoState, "readout": RidgeReadout}

    def _start(self, inputs, layout):
        """Clone the parts and draw the reservoir for these inputs."""
        rng = make_rng(self.random_state)
        self.reservoir_ = EchoState() if self.reservoir is None else clone(self.reservoir)
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, rng)
        self.reservoir_.fit(np.zeros((1, inputs.shape[1]), dtype=inputs.dtype))
        self.reservoir_.pretrain(inputs, layout)
        self.readout_ = RidgeReadout() if self.readout is None else clone(self.readout)
        return int(rng.integers(2**63))

    def _features(self, states, inputs):
        """What the readout sees: states, and the inputs beside them with ``input_skip``."""
        return np.hstack([states, inputs]) if self.input_skip else states

    def _train(self, inputs, skipped, targets, layout, noise_seed, make_penalties=None):
        """Fit the readout on the harvest; return the states at the end of each series."""
        return train_readout(
            self.readout_,
            self.reservoir_,
            inputs,
            targets,
            layout,
            lambda states, index: self._features(states, skipped[index]),
            after_washout(self.washout, layout),
            noise_seed,
            make_penalties,
        )

    def _readout_of(self, rows, inputs, layout, state, method="predict"):
        """Apply a method of the readout to the harvest of all rows; ``state`` moves to the end."""
        answer = None
        for index, _, states in harvest(self.reservoir_, inputs, layout, state):
            part = getattr(self.readout_, method)(self._features(states, rows[index]))
            if answer is None:
                answer = np.empty((len(rows), *part.shape[1:]), dtype=part.dtype)
            answer[index] = part
        return answer
