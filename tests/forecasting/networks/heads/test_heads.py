"""Heads: losses equal SciPy's densities, gradients equal central differences, quantiles and samples agree."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from forecasting.networks.heads import HEADS, Huber, MixtureOfGaussians, Quantile, make_head

DISTRIBUTIONS = [name for name in HEADS if make_head(name).is_distribution]
N_TARGETS = 2


def example(head, shape=(4, 3), dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((*shape, head.n_outputs(N_TARGETS))).astype(dtype)
    y = 2 * rng.standard_normal((*shape, N_TARGETS))
    return raw, (np.rint(np.abs(3 * y)) if head.counts else y).astype(dtype)


def softplus(x):
    return np.log1p(np.exp(x)) + 1e-3


@pytest.mark.parametrize("name", HEADS)
def test_gradient_equals_central_differences(name):
    head = make_head(name)
    raw, y = example(head)
    loss, grad = head.loss_and_grad(raw, y)
    assert isinstance(loss, float)
    step = 1e-5
    expected = np.empty_like(raw)
    for place in np.ndindex(raw.shape):
        moved = [raw.copy(), raw.copy()]
        for sign, other in zip((1, -1), moved):
            other[place] += sign * step
        up, down = (head.loss_and_grad(other, y)[0] for other in moved)
        expected[place] = (up - down) / (2 * step)
    np.testing.assert_allclose(grad, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", HEADS)
def test_float32_stays_and_agrees(name):
    head = make_head(name)
    raw, y = example(head)
    loss, grad = head.loss_and_grad(raw, y)
    loss32, grad32 = head.loss_and_grad(raw.astype(np.float32), y.astype(np.float32))
    assert grad32.dtype == np.float32
    np.testing.assert_allclose(loss32, loss, rtol=1e-5)
    np.testing.assert_allclose(grad32, grad, rtol=1e-4, atol=1e-6)
    answers = [head.mean(raw.astype(np.float32))]
    if head.is_distribution:
        answers += [head.quantile(raw.astype(np.float32), 0.4)]
        answers += [head.sample(raw.astype(np.float32), np.random.default_rng(0))]
    assert all(answer.dtype == np.float32 and answer.shape == y.shape for answer in answers)


def test_point_losses():
    raw, y = example(make_head("squared"))
    error = raw - y
    assert make_head("squared").loss_and_grad(raw, y)[0] == pytest.approx(0.5 * np.mean(error**2))
    assert make_head("absolute").loss_and_grad(raw, y)[0] == pytest.approx(np.mean(np.abs(error)))
    huber = np.where(np.abs(error) < 0.7, 0.5 * error**2, 0.7 * (np.abs(error) - 0.35))
    assert Huber(0.7).loss_and_grad(raw, y)[0] == pytest.approx(np.mean(huber))
    assert make_head("squared").mean(raw) is raw


def densities(name, raw, y):
    """Log densities by SciPy."""
    head = make_head(name)
    parts = np.moveaxis(raw.reshape(*y.shape, head.n_parameters), -1, 0)
    if name == "gaussian":
        return stats.norm(parts[0], softplus(parts[1])).logpdf(y)
    if name == "student_t":
        return stats.t(2 + softplus(parts[2]), parts[0], softplus(parts[1])).logpdf(y)
    if name == "negative_binomial":
        r = 1 / softplus(parts[1])
        return stats.nbinom(r, r / (r + np.exp(parts[0]))).logpmf(y)
    weights = np.exp(parts[:3]) / np.exp(parts[:3]).sum(axis=0)
    return np.log((weights * stats.norm(parts[3:6], softplus(parts[6:])).pdf(y)).sum(axis=0))


@pytest.mark.parametrize("name", ["gaussian", "student_t", "negative_binomial", "mixture"])
def test_loss_is_the_mean_negative_log_density(name):
    raw, y = example(make_head(name))
    loss, _ = make_head(name).loss_and_grad(raw, y)
    np.testing.assert_allclose(loss, -densities(name, raw, y).mean(), rtol=1e-12)


def test_quantile_loss_is_the_mean_pinball_loss():
    head = Quantile((0.2, 0.5, 0.9))
    raw, y = example(head)
    parts = raw.reshape(*y.shape, 3)
    error = y[..., np.newaxis] - parts
    levels = np.array([0.2, 0.5, 0.9])
    assert head.loss_and_grad(raw, y)[0] == pytest.approx(
        np.mean(np.maximum(levels * error, (levels - 1) * error))
    )


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_samples_have_the_quantiles_and_the_mean(name):
    head = make_head(name)
    raw, _ = example(head, shape=(1,))
    drawn = head.sample(np.repeat(raw, 40_000, axis=0), np.random.default_rng(1))
    spread = drawn.std(axis=0)
    for q in (0.1, 0.5, 0.9):
        bound = head.quantile(raw, q)
        share_below, share_to = (drawn < bound).mean(axis=0), (drawn <= bound + 1e-9).mean(axis=0)
        assert (share_below <= q + 0.01).all()
        assert (share_to >= q - 0.01).all()
    if name != "quantile":  # whose point forecast is the median
        np.testing.assert_allclose(drawn.mean(axis=0), head.mean(raw)[0], atol=0.05 * spread.max())


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_quantiles_increase(name):
    head = make_head(name)
    raw, _ = example(head)
    levels = (0.05, 0.1, 0.3, 0.5, 0.7, 0.95)
    quantiles = np.stack([head.quantile(raw, q) for q in levels])
    assert (np.diff(quantiles, axis=0) >= 0).all()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_best_distribution_is_that_of_the_data(name):
    """Plain gradient steps on the raw numbers of one step find the quantiles of the sample."""
    head = make_head(name)
    rng = np.random.default_rng(2)
    y = (
        rng.negative_binomial(3, 0.3, size=(1000, 1))
        if head.counts
        else 1 + 2 * rng.standard_normal((1000, 1))
    )
    raw = 0.1 * rng.standard_normal((1, head.n_outputs(1)))
    for _ in range(1500):
        raw -= head.loss_and_grad(np.repeat(raw, len(y), axis=0), y.astype(float))[1].sum(axis=0)
    for q in (0.1, 0.5, 0.9):
        error = head.quantile(raw, q)[0, 0] - np.quantile(y, q)
        assert abs(error) < (1.01 if head.counts else 0.35)


def test_a_mixture_of_one_is_gaussian():
    gaussian, mixture = make_head("gaussian"), MixtureOfGaussians(1)
    raw, y = example(gaussian)
    apart = raw.reshape(*y.shape, 2)
    same = np.concatenate([np.ones((*y.shape, 1)), apart], axis=-1).reshape(*y.shape[:-1], -1)
    assert mixture.loss_and_grad(same, y)[0] == pytest.approx(gaussian.loss_and_grad(raw, y)[0])
    np.testing.assert_allclose(mixture.quantile(same, 0.3), gaussian.quantile(raw, 0.3), rtol=1e-9)


def test_a_wide_t_is_gaussian():
    gaussian, student = make_head("gaussian"), make_head("student_t")
    raw, y = example(gaussian)
    same = np.concatenate([raw.reshape(*y.shape, 2), np.full((*y.shape, 1), 1e6)], axis=-1)
    same = same.reshape(*y.shape[:-1], -1)
    assert student.loss_and_grad(same, y)[0] == pytest.approx(gaussian.loss_and_grad(raw, y)[0], rel=1e-4)


def test_losses_stay_finite_far_away():
    for name in HEADS:
        head = make_head(name)
        raw, y = example(head, dtype=np.float32)
        for factor in (1e3, -1e3):
            loss, grad = head.loss_and_grad(np.full_like(raw, factor), y)
            assert np.isfinite(loss), name
            assert np.isfinite(grad).all(), name


def test_forecasts_stay_finite_far_away():
    rng = np.random.default_rng(0)
    for name in HEADS:
        head = make_head(name)
        for far in np.float32([-1e4, 60, 1e4]):
            raw = np.full((5, head.n_outputs(1)), far)
            asked = [head.mean(raw)]
            if head.is_distribution:
                asked += [head.quantile(raw, 0.9), head.sample(raw, rng)]
            assert np.isfinite(asked).all(), (name, far)
    counts = make_head("negative_binomial")
    assert (
        counts.mean(np.float32([[1e4, 0]]))
        == counts.quantile(np.float32([[1e4, 0]]), 0.9)
        == np.float32(9e18)
    )
    assert np.isnan(counts.sample(np.float32([[np.nan, 0]]), rng)).all()


def test_quantiles_between_the_learned_ones():
    head = Quantile((0.1, 0.5, 0.9))
    crossed = np.array([[3.0, 2.0, 1.0]])
    assert head.quantile(crossed, 0.1) == 1.0
    assert head.quantile(crossed, 0.5) == head.mean(crossed) == 2.0
    assert head.quantile(crossed, 0.9) == 3.0
    assert head.quantile(crossed, 0.3) == pytest.approx(1.5)
    with pytest.raises(
        ValueError, match=r"quantile 0.95 lies outside of the learned quantiles=\(0.1, 0.5, 0.9\)"
    ):
        head.quantile(crossed, 0.95)
    assert Quantile((0.5,)).mean(np.array([[7.0]])) == 7.0


def test_errors():
    with pytest.raises(TypeError, match="Squared forecasts points and has no quantiles"):
        make_head("squared").quantile(np.zeros((1, 1)), 0.5)
    with pytest.raises(TypeError, match="has no samples"):
        make_head("huber").sample(np.zeros((1, 1)), np.random.default_rng(0))
    for y in (0.5, -1.0):
        with pytest.raises(ValueError, match="needs counts"):
            make_head("negative_binomial").loss_and_grad(np.zeros((1, 2)), np.array([[y]]))
    with pytest.raises(ValueError, match="'delta' parameter"):
        make_head(Huber(-1.0))
    with pytest.raises(ValueError, match="strictly increasing"):
        Quantile((0.9, 0.1)).n_outputs(1)
    with pytest.raises(ValueError, match=r"must have 0\.5 between"):
        Quantile((0.1, 0.2)).n_outputs(1)


def test_heads_are_cloned():
    head = MixtureOfGaussians(4)
    made = make_head(head)
    assert made is not head
    assert made.get_params() == clone(head).get_params() == {"n_components": 4}
