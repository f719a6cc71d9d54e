"""What a readout sees and forecasts, and its free run against a loop in Python."""

import numpy as np
import pytest

from forecasting.reservoirs.readout_design import ReadoutDesign
from reservoir import EchoState

RNG = np.random.default_rng(0)


def test_steps_ahead():
    assert ReadoutDesign(False, 3, True, 1).steps_ahead(with_exog=True) == [[0]]
    assert ReadoutDesign(True, 3, True, 1).steps_ahead(with_exog=False) == [[0, 1, 2]]
    assert ReadoutDesign(True, 3, True, 1).steps_ahead(with_exog=True) == [[0], [1], [2]]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("input_skip", [False, True])
def test_features(direct, input_skip):
    states, inputs, later = (RNG.standard_normal((6, n)) for n in (4, 3, 2))
    seen = ReadoutDesign(direct, 2, input_skip, 1).features(inputs, later)(states[2:4], slice(2, 4))
    expected = [states, *([inputs] if input_skip else []), *([later] if direct else [])]
    np.testing.assert_array_equal(seen, np.hstack(expected)[2:4])


@pytest.mark.parametrize("input_skip", [False, True])
def test_a_free_run_feeds_each_output_back(input_skip):
    n_targets, n_exog, n_units, n_steps = 2, 1, 12, 7
    reservoir = EchoState(n_units, random_state=0).fit(np.zeros((1, n_targets + n_exog)))
    design = ReadoutDesign(False, 1, input_skip, n_targets)
    coef = 0.1 * RNG.standard_normal((n_targets, n_units + (n_targets + n_exog) * input_skip))
    intercept, exog = RNG.standard_normal(n_targets), RNG.standard_normal((n_steps, n_exog))
    state, last = RNG.standard_normal(n_units), RNG.standard_normal(n_targets)
    found, n_done = design.run_free(reservoir, coef, intercept, state, last, exog)
    assert n_done == n_steps
    for t in range(n_steps):
        row = np.concatenate([last, exog[t]])[np.newaxis]
        states, state = reservoir.transform(row, initial_state=state, return_state=True)
        seen = np.hstack([states, row])[0] if input_skip else states[0]
        last = coef @ seen + intercept
        np.testing.assert_allclose(found[t], last, rtol=1e-10)
