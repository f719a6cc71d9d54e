"""What a forecaster can do, beside scikit-learn's tags."""

from dataclasses import dataclass, field

from sklearn.utils import Tags


@dataclass(slots=True)
class ForecasterTags:
    """What a forecaster can do.

    Parameters
    ----------
    uses_exog : bool, default=False
        Exogenous `X` enters the forecast. Otherwise passing `X` is an error.
    uses_newest : bool, default=True
        The forecast of the first step depends on the last observation, for every series.
    prefix_consistent : bool, default=True
        ``predict(h)[:k]`` equals ``predict(k)``.
    accepts_unseen : bool, default=True
        ``predict(..., context=)`` takes series that were not in the training panel.
    centred_intervals : bool, default=True
        `predict` is the middle of `predict_interval`. Not where errors are measured on another scale, such as
        the logarithm.
    learns_from_updates : bool, default=False
        `update` moves weights too, not the state alone.
    conformal_intervals : bool, default=True
        Intervals come from residuals, and are refused where there are too few for a coverage. Otherwise from a
        distribution that the model itself forecasts.
    """

    uses_exog: bool = False
    uses_newest: bool = True
    prefix_consistent: bool = True
    accepts_unseen: bool = True
    centred_intervals: bool = True
    conformal_intervals: bool = True
    learns_from_updates: bool = False


@dataclass(slots=True)
class TagsOfForecaster(Tags):
    """scikit-learn's tags, with ``forecaster_tags`` beside its ``regressor_tags`` and ``classifier_tags``."""

    forecaster_tags: ForecasterTags = field(default_factory=ForecasterTags)
