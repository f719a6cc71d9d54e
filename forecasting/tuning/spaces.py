"""What to search: ranges of parameters, and configurations drawn from them.

A space is what scikit-learn's searches take: a dict from a parameter's name to a list of values or to a
distribution of ``scipy.stats``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.model_selection import ParameterSampler

from forecasting.reservoirs.free_running import ReservoirForecaster
from reservoir.contracts.random_source import make_rng

# The settings of a reservoir that matter, by their name wherever it stands. Found on the training series of 44
# systems of the chaotic-systems benchmark: errors hardly differ inside of a range, on average, and grow outside.
RANGES: dict[str, Any] = {
    "spectral_radius": uniform(0.2, 1.1),
    "leak_rate": loguniform(0.04, 1.0),
    "input_scaling": loguniform(0.1, 3.0),
    "bias_scaling": loguniform(0.2, 4.0),
}


def default_space(forecaster: Any) -> dict[str, Any]:
    """Return the ranges to search for a reservoir forecaster.

    Spectral radius from 0.2 to 1.3; leak rate, input and bias scaling on logarithmic scales from 0.04 to 1, 0.1
    to 3 and 0.2 to 4; with ``differences="auto"`` also none (two times in three) or first differences. The number
    of units stays as it is, and the penalty of the readout needs no range: its path comes for free.

    Parameters
    ----------
    forecaster : ReservoirForecaster
        Its reservoir may be composed of others. Parameters given as arrays are left alone.

    Returns
    -------
    dict
        Parameter name to distribution or list of values.

    Raises
    ------
    ValueError
        If the forecaster is of another kind, or has none of these parameters.

    Examples
    --------
    >>> from forecasting import ReservoirForecaster
    >>> sorted(default_space(ReservoirForecaster(differences=())))  # doctest: +NORMALIZE_WHITESPACE
    ['reservoir__bias_scaling', 'reservoir__input_scaling', 'reservoir__leak_rate',
     'reservoir__spectral_radius']
    """
    space: dict[str, Any] = {}
    if isinstance(forecaster, ReservoirForecaster):
        values = with_parts(forecaster).get_params(deep=True)
        named = {name: RANGES.get(name.rpartition("__")[2]) for name in values}
        space = {name: named[name] for name in sorted(values) if named[name] is not None}
        space = {name: range_ for name, range_ in space.items() if np.ndim(values[name]) == 0}
        if forecaster.differences == "auto":
            space["differences"] = [(), (), (1,)]
    if not space:
        raise ValueError(
            f"there is no default space for {forecaster!r}: pass space, a dict from parameter names to lists of "
            "values or distributions of scipy.stats"
        )
    return space


def with_parts(forecaster: Any) -> Any:
    """Return a clone whose parts that are None are the defaults that they stand for."""
    model = clone(forecaster)
    for part, make in getattr(model, "_default_parts", {}).items():
        if getattr(model, part) is None:
            setattr(model, part, make())
    return model


def draw_configurations(
    forecaster: Any, space: Mapping[str, Any], n_configurations: int, random_state: Any
) -> list[dict[str, Any]]:
    """Draw configurations; each has a seed of its own where the forecaster has none.

    Of a space that is a grid no point is drawn twice: a smaller grid is searched whole.
    """
    if not isinstance(space, Mapping):
        raise TypeError(
            f"space={space!r} must be a dict from parameter names to lists of values or distributions"
        )
    known = with_parts(forecaster).get_params(deep=True)
    if unknown := sorted(set(space) - set(known)):
        raise ValueError(
            f"space names {unknown}, which {type(forecaster).__name__} lacks; it has {sorted(known)}"
        )
    for name, values in space.items():
        if not hasattr(values, "rvs") and (isinstance(values, str) or not np.iterable(values)):
            raise ValueError(
                f"space[{name!r}]={values!r} must be a list of values or a distribution of scipy.stats"
            )
    rng = make_rng(random_state)
    grid_size = _grid_size(space)
    wanted = n_configurations if grid_size is None else min(n_configurations, grid_size)
    seed = int(rng.integers(2**31 - 1))
    drawn = [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in point.items()}
        for point in ParameterSampler(space, wanted, random_state=seed)
    ]
    if "random_state" in known and known["random_state"] is None and "random_state" not in space:
        for configuration in drawn:
            configuration["random_state"] = int(rng.integers(2**31 - 1))
    return drawn


def _grid_size(space: Mapping[str, Any]) -> int | None:
    """Number of points, None if any range is a distribution."""
    if any(hasattr(values, "rvs") for values in space.values()):
        return None
    return int(np.prod([len(values) for values in space.values()]))
