"""scikit-learn's own checks of estimators, as tests."""

import pytest
from sklearn.utils import estimator_checks


def parametrize_with_checks(estimators, **options):
    """Do as scikit-learn's decorator of this name, with a list where its older versions have a generator.

    pytest 9 warns of generators, and our warnings are errors.
    """
    mark = estimator_checks.parametrize_with_checks(estimators, **options)
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)
