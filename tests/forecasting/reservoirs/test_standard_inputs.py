"""From series to the inputs of a reservoir and back."""

import numpy as np
import pytest

from forecasting.reservoirs.standard_inputs import StandardInputs

RNG = np.random.default_rng(0)
SERIES = [RNG.normal(5, 3, size=(n, 2)).cumsum(axis=0) for n in (30, 45)]
EXOG = [RNG.normal(-2, 7, size=(len(y), 3)) for y in SERIES]


@pytest.mark.parametrize("lags", [(), (1,), (1, 4)])
def test_all_series_together_have_mean_zero_and_deviation_one(lags):
    units = StandardInputs.learned(SERIES, EXOG, lags, standardize=True)
    z = np.concatenate([units.standardised(y) for y in SERIES])
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1)
    x = np.concatenate([units.exog(X, len(X)) for X in EXOG])
    np.testing.assert_allclose((x.mean(axis=0), x.std(axis=0)), ([0] * 3, [1] * 3), atol=1e-12)
    np.testing.assert_allclose(units.standard_limits, (z.min(axis=0), z.max(axis=0)))


@pytest.mark.parametrize("lags", [(), (1,), (1, 4)])
def test_undone_is_the_inverse(lags):
    units = StandardInputs.learned(SERIES, None, lags, standardize=True)
    y = SERIES[1]
    z = units.standardised(y)[-10:]
    np.testing.assert_allclose(units.undone(z, y[:-10][-units.n_kept :]), y[-10:])


def test_rows_are_inputs_and_the_next_values():
    units = StandardInputs.learned(SERIES, EXOG, (1,), standardize=False)
    inputs, targets = units.rows(SERIES[0], EXOG[0])
    steps = np.diff(SERIES[0], axis=0)
    np.testing.assert_array_equal(inputs, np.hstack([steps[:-1], EXOG[0][2:]]))
    np.testing.assert_array_equal(targets, steps[1:])
    assert units.exog(None, 4).shape == (4, 0)
