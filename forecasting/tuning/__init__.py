"""Search for hyper-parameters that forecast well: random or successive halving, over backtests or free runs."""

from forecasting.tuning.result import TuningResult
from forecasting.tuning.spaces import default_space
from forecasting.tuning.tune import tune

__all__ = ["TuningResult", "default_space", "tune"]
