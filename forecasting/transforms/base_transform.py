"""The contract of a transform: a series to another series and back, with what it has learned carried along.

A transform is an estimator that holds parameters only. What it learns of one series is a *model*, a NamedTuple
of arrays and numbers, which stands at a step of the series; every method is a pure function of it:

==================================  ==========================================================================
method                              does
==================================  ==========================================================================
``_learn(y)``                       the model of a series, standing before its first step
``_forward(model, y)``              what follows, transformed, and the model that stands after it
``_back(model, z)``                 what follows, given transformed: the inverse of ``_forward``
``_rest(model)``                    the same weights, standing before the first step of any series
==================================  ==========================================================================

Arrays are ``(n_steps, n_targets)``; ``z`` may have further axes in front if the transform is elementwise.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator


class Transform(BaseEstimator):
    """Base of all transforms of a target.

    Attributes
    ----------
    elementwise : bool
        Every value is transformed alone by an increasing function, which may change from step to step. Then
        intervals are made on the transformed scale.
    linear : bool
        That function is a straight line, so that an interval which is centred stays centred.
    """

    _parameter_constraints: ClassVar[dict] = {}
    elementwise: ClassVar[bool] = True
    linear: ClassVar[bool] = True

    def _learn(self, y: np.ndarray) -> Any:
        """Return what is learned of a series, standing before its first step."""
        raise NotImplementedError

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the observations after `model` transformed, and the model after them.

        Only a model that stands before the first step may return fewer rows than it gets.
        """
        raise NotImplementedError

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Return the observations after `model` whose transforms are `z`."""
        raise NotImplementedError

    def _rest(self, model: Any) -> Any:
        """Return the model with its weights, standing before the first step of a series."""
        return model


def learn_all(transforms: Sequence[Transform], y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Learn one transform after the other, each from what the one before makes of `y`.

    Returns
    -------
    z : ndarray
        The series transformed by all.
    models : tuple
        One per transform, standing at the end of the series.
    """
    models = []
    for transform in transforms:
        y, model = transform._forward(transform._learn(y), y)
        models.append(model)
    return y, tuple(models)


def forward_all(
    transforms: Sequence[Transform], models: Sequence[Any], y: np.ndarray
) -> tuple[np.ndarray, tuple]:
    """Transform the observations after `models` by all transforms: (z, models after them)."""
    later = []
    for transform, model in zip(transforms, models):
        y, model = transform._forward(model, y)
        later.append(model)
    return y, tuple(later)


def back_all(transforms: Sequence[Transform], models: Sequence[Any], z: np.ndarray) -> np.ndarray:
    """Undo all transforms, the last one first."""
    for transform, model in zip(transforms[::-1], models[::-1]):
        z = transform._back(model, z)
    return z


def rest_all(transforms: Sequence[Transform], models: Sequence[Any]) -> tuple:
    """Return all models standing before the first step of a series."""
    return tuple(transform._rest(model) for transform, model in zip(transforms, models))
