"""Mean and scale of columns: what standardising takes away."""

import numpy as np


def moments(values: np.ndarray, wanted: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, 0 and 1 if not wanted; a constant column has scale 1.

    Examples
    --------
    >>> moments(np.array([[1.0, 5.0], [3.0, 5.0]]))
    (array([2., 5.]), array([1., 1.]))
    """
    if not wanted:
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    spread = values.std(axis=0)
    tiny = 10 * np.finfo(float).eps * np.abs(values).max(axis=0)
    return values.mean(axis=0), np.where(spread > tiny, spread, 1.0)
