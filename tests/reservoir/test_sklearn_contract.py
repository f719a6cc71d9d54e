"""scikit-learn's own checks over every estimator of the package."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)

from reservoir import ESNClassifier, ESNRegressor
from reservoir.reservoirs.base_reservoir import Reservoir
from tests.reservoirs import estimators
from tests.scikit_learn_checks import parametrize_with_checks

# A sequence model's answer for a row depends on the rows before it; these two ask that it does not.
ORDER_MATTERS = {
    "check_methods_sample_order_invariance": "rows are consecutive time steps",
    "check_methods_subset_invariance": "rows are consecutive time steps",
}


ESTIMATORS = estimators()
TRANSFORMERS = [estimator for estimator in ESTIMATORS if isinstance(estimator, Reservoir)]


def expected_failures(estimator):
    is_sequence_model = isinstance(estimator, (Reservoir, ESNRegressor, ESNClassifier))
    return ORDER_MATTERS if is_sequence_model else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("check", [check_param_validation, check_dataframe_column_names_consistency])
def test_further_checks(estimator, check):
    check(type(estimator).__name__, estimator)


# Two of them fit on a frame and transform an array, to see what comes out.
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    "check",
    [
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
def test_transformer_checks(estimator, check):
    check(type(estimator).__name__, estimator)


def test_every_expected_failure_does_fail():
    """xfail must not hide a check that has come to pass: run the two and see them fail."""
    from sklearn.utils import estimator_checks

    for estimator in ESTIMATORS:
        for name in expected_failures(estimator):
            with pytest.raises(AssertionError):
                getattr(estimator_checks, name)(type(estimator).__name__, estimator)
