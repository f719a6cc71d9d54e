"""Every forecaster of the registry against every check of the contract, and the checks against forecasters
that break it."""

import pytest

from forecasting.checks import FORECASTER_CHECKS
from forecasting.registry import FORECASTERS

SEASONAL = ["seasonal_naive", "ets", "theta"]


@pytest.mark.parametrize("check", FORECASTER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", FORECASTERS)
def test_contract(name, check):
    check(FORECASTERS[name]())
