"""The forecaster contract as checks that anybody's forecaster can be held against.

Examples
--------
>>> from forecasting.baselines.naive import Naive
>>> from forecasting.checks import check_forecaster
>>> check_forecaster(Naive())
"""

from collections.abc import Callable, Collection
from typing import Any

from forecasting.checks import answers, estimator, intervals, state

FORECASTER_CHECKS: list[Callable[[Any], None]] = [
    estimator.check_sklearn_rules,
    estimator.check_fit_returns_self,
    estimator.check_not_fitted,
    estimator.check_unknown_keywords,
    estimator.check_parameters_are_validated,
    estimator.check_predict_is_pure,
    estimator.check_copies,
    estimator.check_refit_forgets,
    estimator.check_random_numbers,
    estimator.check_threads,
    estimator.check_model_selection,
    answers.check_indices,
    answers.check_containers,
    answers.check_containers_with_indices,
    answers.check_lengths_in_a_panel,
    answers.check_input_formats,
    answers.check_input_is_copied,
    answers.check_horizons,
    answers.check_intervals,
    answers.check_interval_containers,
    answers.check_bad_series,
    answers.check_short_and_constant_series,
    answers.check_exog_errors,
    intervals.check_calibrated_intervals,
    intervals.check_updates_extend_the_calibration,
    intervals.check_calibration_is_kept,
    state.check_prefix,
    state.check_newest_observation,
    state.check_no_leakage,
    state.check_exog_is_used,
    state.check_split_state,
    state.check_update_goes_on,
    state.check_context,
    state.check_local_panel,
    state.check_score,
]


def check_forecaster(forecaster: Any, *, skip: Collection[str] = ()) -> None:
    """Hold a forecaster against the whole contract.

    With pytest, parametrise over ``FORECASTER_CHECKS`` instead to see every failure by name.

    Parameters
    ----------
    forecaster : Forecaster
        Unfitted; it is cloned. Choose small settings: each check fits it a few times on 72 steps.
    skip : collection of str, default=()
        Names of checks to leave out.

    Raises
    ------
    AssertionError
        Naming the first check that fails, from the failure itself.
    """
    unknown = set(skip) - {check.__name__ for check in FORECASTER_CHECKS}
    if unknown:
        raise ValueError(f"skip={sorted(unknown)} are no names of checks; see FORECASTER_CHECKS")
    for check in FORECASTER_CHECKS:
        if check.__name__ in skip:
            continue
        try:
            check(forecaster)
        except Exception as error:
            raise AssertionError(f"{type(forecaster).__name__} fails {check.__name__}: {error}") from error
