"""What the numbers at the end of a network mean: points, quantiles, distributions; one file each.

Examples
--------
>>> import numpy as np
>>> head = make_head("gaussian")
>>> head.n_outputs(n_targets=3)
6
>>> make_head(MixtureOfGaussians(5)).n_outputs(1)
15
"""

from collections.abc import Callable
from typing import Any

from sklearn.base import clone

from forecasting.networks.heads.base_head import Head
from forecasting.networks.heads.gaussian import Gaussian
from forecasting.networks.heads.mixture import MixtureOfGaussians
from forecasting.networks.heads.negative_binomial import NegativeBinomial
from forecasting.networks.heads.point_losses import Absolute, Huber, Squared
from forecasting.networks.heads.quantile import Quantile
from forecasting.networks.heads.student_t import StudentT

HEADS: dict[str, Callable[..., Head]] = {
    "squared": Squared,
    "absolute": Absolute,
    "huber": Huber,
    "quantile": Quantile,
    "gaussian": Gaussian,
    "mixture": MixtureOfGaussians,
    "student_t": StudentT,
    "negative_binomial": NegativeBinomial,
}


def make_head(head: Any) -> Head:
    """Return a head from its name, or a checked copy of one.

    Parameters
    ----------
    head : str or Head
        A name in `HEADS`, or a head.

    Returns
    -------
    Head
    """
    if isinstance(head, str):
        return HEADS[head]()
    head = clone(head)
    head._validate_params()
    return head


__all__ = [
    "HEADS",
    "Absolute",
    "Gaussian",
    "Head",
    "Huber",
    "MixtureOfGaussians",
    "NegativeBinomial",
    "Quantile",
    "Squared",
    "StudentT",
    "make_head",
]
