"""One way from scikit-learn's ``random_state`` to the NumPy generator that draws everything."""

import numpy as np
from sklearn.utils import check_random_state


def make_rng(random_state=None) -> np.random.Generator:
    """Return a generator determined by ``random_state``.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None draws fresh entropy and leaves NumPy's global generator alone. An int gives the same numbers on
        every call. A ``RandomState`` is advanced by one draw; a ``Generator`` is returned as it is.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> bool(make_rng(0).integers(100) == make_rng(0).integers(100))
    True
    """
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    seed = check_random_state(random_state).randint(2**31 - 1, size=4)
    return np.random.default_rng(seed)


def seed_open_parts(estimator, rng):
    """Give every parameter named ``random_state`` that is None a seed of its own."""
    open_parts = sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    )
    estimator.set_params(**{name: int(rng.integers(2**31 - 1)) for name in open_parts})
