"""Search for hyper-parameters that forecast well: random or successive halving, over backtests or free runs."""

from forecasting.tuning.search import tune
from forecasting.tuning.spaces import default_space

__all__ = ["default_space", "tune"]
