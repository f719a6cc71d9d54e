"""Transforms of the target: there and back, what they learn, and what they do to forecasts and intervals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.tsa.seasonal import STL, seasonal_decompose

from forecasting import (
    Drift,
    Naive,
    SeasonalNaive,
    TransformedTargetForecaster,
    WindowAverage,
    check_forecaster,
)
from forecasting.checks.examples import example_series
from forecasting.transforms import (
    TRANSFORMS,
    BoxCox,
    Deseasonalize,
    Detrend,
    Difference,
    Log,
    Standardize,
    Transform,
)
from forecasting.transforms.base_transform import back_all, forward_all, learn_all, rest_all

# Box and Jenkins, series G: monthly totals of airline passengers in thousands, 1949 to 1960.
_SERIES_G = """
112 118 132 129 121 135 148 148 136 119 104 118 115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166 171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201 204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278 284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336 340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405 417 391 419 461 472 535 622 606 508 461 390 432
"""
PASSENGERS = np.array(_SERIES_G.split(), dtype=float)
ALL = [recipe(12) for recipe in TRANSFORMS.values()] + [
    Deseasonalize(12, method="classical", model="mul"),
    Deseasonalize(12, model="mul", robust=True),
    Difference((1, 12)),
    BoxCox("mle"),
    Detrend(2),
]


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_there_and_back_again(transform):
    """``_back`` undoes ``forward``; a split series equals the whole; at rest the training series comes out again."""
    y = example_series(2)
    begun = transform._learn(y[:50])
    first, model = transform._forward(begun, y[:50])
    assert_allclose(transform._forward(transform._rest(model), y[:50])[0], first, rtol=1e-12)
    later, _ = transform._forward(model, y[50:])
    assert_allclose(transform._back(model, later), y[50:], rtol=1e-10)
    one, between = transform._forward(model, y[50:60])
    two, _ = transform._forward(between, y[60:])
    assert_allclose(np.concatenate([one, two]), later, rtol=1e-12, atol=1e-12)
    if transform.elementwise:
        stacked = np.stack([later, 2 * later])
        assert_allclose(transform._back(model, stacked)[0], y[50:], rtol=1e-10)
        assert (np.diff(transform._back(model, np.stack([later - 0.01, later])), axis=0) > 0).all()


@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_contract(transform):
    check_forecaster(TransformedTargetForecaster(Drift(), transform))


@pytest.mark.parametrize(
    "model",
    [
        TransformedTargetForecaster(),
        TransformedTargetForecaster(Drift(), [Log(), Deseasonalize(12), Difference()], bias_correction=True),
        TransformedTargetForecaster(
            TransformedTargetForecaster(Naive(), Detrend()), [BoxCox(season_length=12)]
        ),
    ],
    ids=["nothing", "bias", "nested"],
)
def test_contract_of_compositions(model):
    check_forecaster(model)


def test_several_transforms_are_learned_one_from_the_other():
    y = PASSENGERS[:, np.newaxis]
    chain = (Log(), Difference((12,)), Standardize())
    z, models = learn_all(chain, y)
    differences = np.log(y[12:]) - np.log(y[:-12])
    assert_allclose(z, (differences - differences.mean()) / differences.std(), rtol=1e-12)
    again, _ = forward_all(chain, rest_all(chain, models), y)
    assert_allclose(again, z, rtol=1e-12)
    ahead = np.full((24, 1), 0.5)
    grown = back_all(chain, models, ahead)
    assert_allclose(forward_all(chain, models, grown)[0], ahead, rtol=1e-9)


def test_nothing_changes_nothing():
    y = example_series()
    expected = Drift().fit(y)
    model = TransformedTargetForecaster(Drift()).fit(y)
    assert_array_equal(model.predict(5), expected.predict(5))
    assert_array_equal(model.predict_interval(5), expected.predict_interval(5))


# ------------------------------------------------------------------------------------------------- what is learned


def test_guerrero_gives_the_published_exponent():
    """`BoxCox.lambda(AirPassengers)` of R's package `forecast` is -0.2947156."""
    model = BoxCox("guerrero", season_length=12, bounds=(-1, 2))._learn(PASSENGERS[:, np.newaxis])
    assert model.exponent[0] == pytest.approx(-0.2947156, abs=2e-5)
    assert BoxCox("guerrero", season_length=12)._learn(PASSENGERS[:, np.newaxis]).exponent[0] == 0


def test_mle_finds_the_logarithm_of_a_lognormal_series():
    y = np.exp(np.random.default_rng(0).normal(size=(4000, 1)))
    assert BoxCox("mle", bounds=(-1, 2))._learn(y).exponent[0] == pytest.approx(0, abs=0.03)


def test_box_cox_beyond_its_range():
    model = BoxCox(0.5)._learn(np.ones((3, 1)))
    assert_array_equal(BoxCox(0.5)._back(model, np.array([[-3.0], [0.0], [2.0]])).ravel(), [0, 1, 4])
    steep = BoxCox(-1.0)._learn(np.ones((3, 1)))
    assert_array_equal(BoxCox(-1.0)._back(steep, np.array([[0.5], [2.0]])).ravel(), [2, np.inf])


def test_intervals_of_counts_reach_zero_and_no_further():
    """Of a falling series the forecast leaves the range of the root: it and its interval end at 0."""
    y = 40.0 - np.arange(40.0) + np.random.default_rng(0).normal(size=40)
    model = TransformedTargetForecaster(Drift(), BoxCox(0.5)).fit(np.maximum(y, 0.5))
    assert model.predict(60)[-1] == 0
    interval = model.predict_interval(12, coverage=0.8)
    assert interval[-1, 0] == 0
    assert (interval >= 0).all()
    assert (interval[:, 1] > interval[:, 0]).all()


@pytest.mark.parametrize("shape", ["add", "mul"])
def test_seasons_are_those_of_statsmodels(shape):
    y = PASSENGERS
    classical = Deseasonalize(12, "classical", shape)._learn(y[:, np.newaxis])
    assert_allclose(
        classical.effects[:, 0], seasonal_decompose(y, model=shape, period=12).seasonal, rtol=1e-12
    )
    loess = Deseasonalize(12, "stl", shape)._learn(y[:, np.newaxis])
    if shape == "add":
        expected = STL(y, period=12).fit().seasonal
    else:
        expected = np.exp(STL(np.log(y), period=12).fit().seasonal)
    assert_allclose(loess.effects[:, 0], expected, rtol=1e-12)
    model = TransformedTargetForecaster(Naive(), Deseasonalize(12, "stl", shape)).fit(y)
    left, last = (
        (y[-1] - expected[-1], expected[-12:]) if shape == "add" else (y[-1] / expected[-1], expected[-12:])
    )
    ahead = left + np.tile(last, 2) if shape == "add" else left * np.tile(last, 2)
    assert_allclose(model.predict(24), ahead, rtol=1e-12)


def test_a_polynomial_is_continued():
    t = np.arange(60.0)
    y = 3 - 2 * t + 0.1 * t**2
    for transform in (Detrend(2), Difference((1, 1, 1)), Difference((7, 7, 7))):
        model = TransformedTargetForecaster(Naive(), transform).fit(y[:40])
        assert_allclose(model.predict(20), y[40:], rtol=1e-8, err_msg=repr(transform))


def test_every_series_of_a_panel_has_its_own_units():
    y = example_series()
    model = TransformedTargetForecaster(Drift(), Standardize())
    one, other = model.fit([y, 1000 * y - 5]).predict(4)
    assert_allclose(other, 1000 * one - 5, rtol=1e-10)
    unseen = model.predict(4, context=[y, 7 * y, 1000 * y])
    assert_allclose(unseen, [one, 7 * one, 1000 * one], rtol=1e-10)


def test_what_is_learned_comes_from_the_training_part_alone():
    y = example_series()
    model = TransformedTargetForecaster(Naive(), Standardize()).fit(y[:50])
    assert model.states_[0].models[0].mean == y[:50].mean()
    model.update(y[50:])
    assert model.states_[0].models[0].mean == y[:50].mean()


# ---------------------------------------------------------------------------------------------- forecast and bias


def test_intervals_quantiles_and_samples_are_made_on_the_logarithm():
    inner = TransformedTargetForecaster(Drift(), Difference((12,)))
    model = TransformedTargetForecaster(Drift(), [Log(), Difference((12,))]).fit(PASSENGERS)
    straight = inner.fit(np.log(PASSENGERS))
    for call, options in (
        ("predict", {}),
        ("predict_interval", {"coverage": 0.8}),
        ("predict_quantiles", {"quantiles": (0.1, 0.5, 0.8)}),
        ("sample", {"random_state": 3, "n_samples": 7}),
    ):
        answer = getattr(model, call)([2, 9], **options)
        assert_allclose(answer, np.exp(getattr(straight, call)([2, 9], **options)), rtol=1e-10, err_msg=call)
    assert (model.sample(24, 200, random_state=0) > 0).all()


def test_intervals_follow_a_multiplicative_season():
    """Errors in proportion to the season: intervals are wider where it is high."""
    season = np.tile([1.0, 10.0], 100)
    y = season * (10 + np.random.default_rng(0).normal(size=200))
    model = TransformedTargetForecaster(Naive(), Deseasonalize(2, "classical", "mul")).fit(y)
    low, high = np.diff(model.predict_interval(2, coverage=0.8), axis=1).ravel()
    assert high / low == pytest.approx(10, rel=0.1)


def test_estimated_exponents_do_not_mix_units():
    """Errors are measured and laid on one scale, that of the first part, however much the exponents differ."""
    rng = np.random.default_rng(1)
    y = np.concatenate([20 + rng.normal(size=60), np.exp(3 + 0.3 * rng.normal(size=60))])
    free = TransformedTargetForecaster(WindowAverage(5), BoxCox(season_length=6)).fit(y)
    early = BoxCox(season_length=6)._learn(y[:60, np.newaxis]).exponent[0]
    assert abs(free.states_[0].models[0].exponent[0] - early) > 0.4
    interval = free.predict_interval(1, coverage=0.8)[0]
    (errors,) = free._rolling_residuals(1, None)
    width = np.sort(np.abs(errors[:, 0, 0]))[int(np.ceil(0.8 * 61)) - 1]
    middle = (free.predict(1)[0] ** early - 1) / early
    assert_allclose(interval, (early * (middle + np.array([-width, width])) + 1) ** (1 / early), rtol=1e-9)


def test_bias_correction_gives_the_mean_of_a_lognormal_walk():
    """The logarithm of a random walk with steps of variance s^2 has the mean ``y exp(k s^2 / 2)`` k steps ahead."""
    steps = 0.2 * np.random.default_rng(0).normal(size=6000)
    y = np.exp(np.cumsum(steps - steps.mean()))
    median = TransformedTargetForecaster(Naive(), Log()).fit(y)
    mean = TransformedTargetForecaster(Naive(), Log(), bias_correction=True, max_horizon=5).fit(y)
    assert_allclose(median.predict(5), y[-1], rtol=1e-12)
    growth = mean.predict(7) / y[-1]
    assert_allclose(growth[:5], np.exp(np.arange(1, 6) * 0.2**2 / 2), rtol=0.012)
    assert_array_equal(growth[5:], growth[4])
    assert_array_equal(mean.predict_interval(5), median.predict_interval(5))


def test_bias_is_none_where_nothing_bends():
    y = example_series()
    chain = [Detrend(), Standardize()]
    plain = TransformedTargetForecaster(Drift(), chain).fit(y).predict(30)
    assert_allclose(
        TransformedTargetForecaster(Drift(), chain, bias_correction=True).fit(y).predict(30),
        plain,
        rtol=1e-10,
    )


def test_bias_of_series_that_were_not_in_training():
    y = example_series()
    model = TransformedTargetForecaster(Naive(), Log(), bias_correction=True).fit([y, y])
    with pytest.raises(ValueError, match="the bias is known of the 2 series in fit"):
        model.predict(2, context=[y, y, y])


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("transform", "y", "words"),
    [
        (Log(), [1.0, 0.0], "values down to 0: Log needs values above 0; use Log.offset=....* constant"),
        (Log(1.0), [-1.0, 3.0], "Log needs values above -1"),
        (BoxCox(), [-1.0, 3.0], "BoxCox needs values above 0"),
        (Difference((1, 2)), [1.0, 2.0, 3.0], r"y has 3 step.*Difference\(lags=\(1, 2\)\) needs at least 4"),
        (Difference((0,)), [1.0, 2.0], r"differences at lags=\(0,\) need integers"),
        (Deseasonalize(4), [1.0] * 7, r"7 step.*Deseasonalize\(season_length=4\) needs two seasons"),
        (Deseasonalize(2, model="mul"), [1.0, 0.0] * 3, "model='mul'.* needs a positive series"),
        (Detrend(2), [1.0, 2.0], r"2 step.*Detrend\(degree=2\) needs at least 3"),
        (Detrend(-1), [1.0, 2.0], "'degree' parameter of Detrend"),
        (["log"], [1.0, 2.0], "transforms holds 'log', which is no Transform"),
    ],
    ids=repr,
)
def test_errors(transform, y, words):
    with pytest.raises(ValueError, match=words):
        TransformedTargetForecaster(Naive(), transform).fit(y)


def test_later_values_must_have_a_logarithm_too():
    model = TransformedTargetForecaster(Naive(), Log()).fit([1.0, 2.0])
    with pytest.raises(ValueError, match="Log needs values above 0"):
        model.update([0.0])
    with pytest.raises(ValueError, match="context has 1 step"):
        TransformedTargetForecaster(Naive(), Difference((2,))).fit(np.arange(9.0)).predict(1, context=[1.0])


def test_the_table_names_every_transform():
    assert all(isinstance(recipe(4), Transform) for recipe in TRANSFORMS.values())
    assert {type(recipe(4)) for recipe in TRANSFORMS.values()} == set(Transform.__subclasses__())


def test_seasonal_difference_of_a_season_is_nothing():
    y = np.tile([1.0, 5.0, 2.0], 9)
    model = TransformedTargetForecaster(SeasonalNaive(2), [Difference((3,))]).fit(y)
    assert_array_equal(model.predict(6), y[:6])


@pytest.mark.parametrize("transform", [Log(), Log(offset=1), Log(offset=-0.5), BoxCox(0), BoxCox(-0.5)])
def test_forecasts_at_the_limit_have_a_transform_still(transform):
    """Rounding brings exp(-800) to 0, and to -1 what is beside an offset; errors are measured where they lead to."""
    z = np.array([[-900.0], [-2.0], [0.0]])
    model = () if isinstance(transform, Log) else transform._learn(np.ones((2, 1)))
    y = transform._back(model, z)
    again, _ = transform._forward(model, y)
    assert_allclose(again[1:], z[1:])
    assert np.isfinite(again).all()


def test_intervals_of_a_series_that_vanishes():
    y = np.exp(np.linspace(0, -600, 60) + np.random.default_rng(0).normal(size=60))
    interval = TransformedTargetForecaster(Drift(), Log()).fit(y).predict_interval(20, coverage=0.5)
    assert (interval[:, 0] <= interval[:, 1]).all()
    assert (interval > 0).all()


@pytest.mark.parametrize("bounds", [(1, 0), (0,), (0, 0.5, 1)])
def test_bounds_of_exponents_are_two(bounds):
    with pytest.raises(ValueError, match=r"bounds=.* must be the least and the largest exponent"):
        TransformedTargetForecaster(Drift(), BoxCox(bounds=bounds)).fit([1.0, 2.0, 3.0, 4.0])


def test_a_first_part_that_is_too_short_for_a_transform_is_named():
    model = TransformedTargetForecaster(Drift(), Deseasonalize(24)).fit(example_series(n_steps=60))
    with pytest.raises(
        ValueError, match=r"the first part of the series \(30 steps\), which failed: .*two seasons"
    ):
        model.predict_interval(2)
    assert model.predict_interval(2, initial=50, coverage=0.5).shape == (2, 2)
