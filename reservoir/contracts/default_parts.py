"""Parts that stand for a default until somebody names one of their parameters."""

from collections.abc import Callable
from typing import ClassVar

from sklearn.base import BaseEstimator


class DefaultParts(BaseEstimator):
    """Base of estimators whose parts default to None: ``set_params(part__name=...)`` makes the part first.

    So a grid over ``reservoir__spectral_radius`` works on an estimator that was made without arguments.
    """

    # Name of the parameter and what None stands for.
    _default_parts: ClassVar[dict[str, Callable]] = {}

    def part(self, name):
        """Return a part as it was given, or what None stands for.

        Parameters
        ----------
        name : str
            Of the parameter.

        Returns
        -------
        estimator
            Not cloned.
        """
        given = getattr(self, name)
        return self._default_parts[name]() if given is None else given

    def set_params(self, **params):
        """Set parameters, also of parts by ``part__name``.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self
        """
        for part, make in self._default_parts.items():
            named = any(name.startswith(f"{part}__") for name in params)
            if named and part not in params and getattr(self, part) is None:
                setattr(self, part, make())
        return super().set_params(**params)
