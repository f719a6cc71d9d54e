"""Parameters that fitted estimators go on reading: as they were in `fit`, or an error.

What was learned has the sizes of its fit. A parameter that `set_params` changes later counts from the next fit on;
where a prediction would read it before, compiled loops would run over the ends of arrays.
"""

from collections.abc import Iterable
from numbers import Number
from typing import Any


def settings_of(estimator: Any, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return some parameters as text, those that are numbers, names, None or lists of these.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> settings_of(SimpleNamespace(n_units=3, topology="ring", weights=object()), ["n_units", "weights"])
    (('n_units', '3'),)
    """
    found = ((name, getattr(estimator, name)) for name in names if hasattr(estimator, name))
    return tuple((name, repr(value)) for name, value in found if _is_plain(value))


def check_settings(estimator: Any) -> None:
    """Raise if a parameter is no longer what ``estimator.settings_`` says it was in `fit`.

    Raises
    ------
    ValueError
        Naming the parameter.
    """
    for name, before in getattr(estimator, "settings_", ()):
        now = getattr(estimator, name)
        if repr(now) != before:
            raise ValueError(
                f"{name}={now!r} was set after fit, which learned with {name}={before}: fit again, or set it back"
            )


def _is_plain(value):
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (Number, str))
