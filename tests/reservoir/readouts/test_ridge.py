import io
import pickle
from contextlib import nullcontext

import joblib
import numpy as np
import pytest
from scipy.linalg import LinAlgWarning, lstsq
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from reservoir.contracts import persistence
from reservoir.readouts.centred_rows import EPS, GramSums, TriangularFactor
from reservoir.readouts.ridge import RidgeReadout
from reservoir.readouts.ridge_path import SingularPath, TriangularSolution, ridge_path
from tests import naive
from tests.scikit_learn_checks import parametrize_with_checks

both_solvers = pytest.mark.parametrize("solver", ["svd", "sums"])
ALPHAS = np.array([1e-3, 0.1, 3.0, 50.0])


@parametrize_with_checks(
    [
        RidgeReadout(),
        RidgeReadout(solver="svd"),
        RidgeReadout(solver="sums"),
        RidgeReadout(fit_intercept=False),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def problem(n_rows=40, n_features=6, n_targets=2, seed=0):
    """Return correlated features with an offset, noisy targets, uneven weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) @ rng.standard_normal((n_features, n_features)) + 3
    y = X @ rng.standard_normal((n_features, n_targets)) + rng.standard_normal((n_rows, n_targets)) - 2
    return X, y, rng.uniform(0.1, 3, n_rows)


def singular_problem(n_rows=400, n_features=60, smallest=1e-14, seed=0):
    """Return features whose centred singular values fall from 1 to ``smallest``, and a target."""
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((n_rows, n_features))
    left, _ = np.linalg.qr(left - left.mean(axis=0))
    right, _ = np.linalg.qr(rng.standard_normal((n_features, n_features)))
    X = (left * np.geomspace(1, smallest, n_features)) @ right.T
    return X, X @ rng.standard_normal(n_features) + 1e-3 * rng.standard_normal(n_rows)


def least_squares(X, y, alpha):
    """Return b and c by LAPACK's gelsd on the centred rows, the penalty as further rows."""
    n_features = X.shape[1]
    rows = np.vstack([X - X.mean(axis=0), np.sqrt(alpha) * np.eye(n_features)])
    b = lstsq(rows, np.append(y - y.mean(), np.zeros(n_features)), cond=EPS * len(X))[0]
    return b, y.mean() - X.mean(axis=0) @ b


def blocks_of(X, y, weight=None, size=7):
    return [
        (X[i : i + size], y[i : i + size], None if weight is None else weight[i : i + size])
        for i in range(0, len(X), size)
    ]


# ------------------------------------------------------------------------------------------- one penalty


@both_solvers
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_is_the_minimum_of_the_objective(solver, fit_intercept, weighted):
    X, y, weight = problem()
    weight = weight if weighted else None
    readout = RidgeReadout(0.7, solver=solver, fit_intercept=fit_intercept).fit(X, y, weight)
    b, c = naive.ridge(X, y, 0.7, weight, fit_intercept)
    np.testing.assert_allclose(readout.coef_, b.T, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(readout.intercept_, c, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(readout.predict(X), X @ b + c, rtol=1e-11, atol=1e-12)
    assert readout.alpha_.tolist() == [0.7, 0.7]
    assert readout.solver_ == solver
    assert readout.solver_reason_ == "asked for"


def test_agrees_with_scikit_learn_in_shapes_and_values():
    X, y, weight = problem()
    for target in (y[:, 0], y):
        mine, theirs = RidgeReadout(2.0).fit(X, target, weight), Ridge(2.0).fit(X, target, weight)
        assert np.shape(mine.coef_) == np.shape(theirs.coef_)
        assert np.shape(mine.intercept_) == np.shape(theirs.intercept_)
        np.testing.assert_allclose(mine.coef_, theirs.coef_, rtol=1e-10)
        assert mine.predict(X).shape == theirs.predict(X).shape
        assert mine.score(X, target) == pytest.approx(theirs.score(X, target), abs=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1e-30, 1e-20, 1e-16, 1e-12, 1e-8, 1e-2])
def test_svd_keeps_every_digit_of_singular_rows(alpha):
    X, y = singular_problem()
    readout = RidgeReadout(alpha, solver="svd").fit(X, y)
    b, c = least_squares(X, y, alpha)
    # below, coefficients reach 1e10: the products with them are no more accurate than that
    digits = 1e-12 if alpha >= 1e-16 else 1e-6
    np.testing.assert_allclose(readout.predict(X), X @ b + c, atol=digits)
    residual, expected = y - readout.predict(X), y - X @ b - c
    objective = residual @ residual + alpha * readout.coef_ @ readout.coef_
    assert objective == pytest.approx(expected @ expected + alpha * b @ b, rel=10 * digits)


@pytest.mark.parametrize("alpha", [0.0, 1e-30, 1e-16, 1e-8, 1e-2])
def test_one_penalty_above_the_noise_needs_no_singular_values(alpha, monkeypatch):
    monkeypatch.setattr("reservoir.readouts.ridge_path.MANY", 0)
    X, y = singular_problem()
    rows = TriangularFactor(X.shape[1], 1)
    rows.add(X, y[:, np.newaxis], None)
    factor = rows.factor.copy()
    path = ridge_path(rows, np.array([alpha]), None)
    assert isinstance(path, TriangularSolution if alpha >= 1e-16 else SingularPath)
    expected = SingularPath(rows).coefficients(np.array([alpha]))
    np.testing.assert_allclose(X @ path.coefficients(np.array([alpha])), X @ expected, atol=1e-9)
    assert (rows.factor == factor).all()


@pytest.mark.parametrize("n_rows", [100, 30])
def test_least_norm_without_a_penalty(n_rows):
    X, y, _ = problem(n_rows, 20, 1)
    X = np.hstack([X, X, np.ones((n_rows, 5))])
    readout = RidgeReadout(0.0).fit(X, y)
    b, c = least_squares(X, y[:, 0], 0.0)
    np.testing.assert_allclose(readout.coef_[0], b, atol=1e-12)
    np.testing.assert_allclose(readout.intercept_, c, rtol=1e-12)


@both_solvers
def test_a_large_mean_costs_no_digits_but_those_of_the_input(solver):
    X, y, _ = problem(3000)
    X, y = np.round(X * 2**20) / 2**20, np.round(y * 2**20) / 2**20  # so that adding the offset is exact
    plain, shifted = (RidgeReadout(0.5, solver=solver).fit(X + o, y - o) for o in (0.0, 2.0**24))
    np.testing.assert_allclose(shifted.coef_, plain.coef_, rtol=1e-8)


@both_solvers
def test_float32_rows_are_computed_in_float64(solver):
    X, y, weight = problem(50)
    single = X.astype(np.float32)
    of_single, of_double = (
        RidgeReadout(1e-3, solver=solver).fit(rows, y, weight) for rows in (single, single.astype(np.float64))
    )
    np.testing.assert_array_equal(of_single.coef_, of_double.coef_)
    assert of_single.predict(single).dtype == np.float64


@both_solvers
def test_constant_features_have_no_weight(solver):
    X, y = np.full((10, 3), 7.0), np.arange(10.0)
    with pytest.warns(LinAlgWarning) if solver == "sums" else nullcontext():
        readout = RidgeReadout(0.0, solver=solver).fit(X, y)
    assert readout.coef_.tolist() == [0, 0, 0]
    assert readout.intercept_ == 4.5


# ------------------------------------------------------------------------------------------ choice of a penalty


@both_solvers
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_leave_one_out_equals_refits(solver, fit_intercept, weighted):
    X, y, weight = problem(30)
    weight = weight if weighted else None
    readout = RidgeReadout(alphas=ALPHAS, solver=solver, fit_intercept=fit_intercept).fit(X, y, weight)
    expected = [naive.leave_one_out(X, y, alpha, weight, fit_intercept) for alpha in ALPHAS]
    np.testing.assert_allclose(readout.scores_path_, expected, rtol=1e-10)
    assert readout.selection_ == "loo"


def test_leave_one_out_when_all_rows_can_be_met():
    """With more features than rows, 1 - h and the residuals vanish like alpha; the quotient has a limit."""
    X, y, weight = problem(12, 30)

    def fit(X, y, alpha, weight, _):
        root = np.sqrt(weight)[:, None]
        mean_x, mean_y = np.average(X, 0, weight), np.average(y, 0, weight)
        rows = np.vstack([root * (X - mean_x), np.sqrt(alpha) * np.eye(X.shape[1])])
        b = np.linalg.pinv(rows, rcond=1e-13) @ np.vstack([root * (y - mean_y), np.zeros((X.shape[1], 2))])
        return b, mean_y - mean_x @ b

    alphas = [0.0, 1e-12, 1e-6, 1.0]
    readout = RidgeReadout(alphas=alphas).fit(X, y, weight)
    expected = [naive.leave_one_out(X, y, alpha, weight, fit=fit) for alpha in alphas]
    np.testing.assert_allclose(readout.scores_path_, expected, rtol=1e-9)
    gcv = RidgeReadout(alphas=alphas, selection="gcv").fit(X, y, weight).scores_path_
    np.testing.assert_allclose(gcv[0], gcv[1], rtol=1e-6)
    np.testing.assert_allclose(gcv[3], naive.generalised_cross_validation(X, y, 1.0, weight), rtol=1e-10)


def test_leave_one_out_equals_refits_on_singular_rows():
    X, y = singular_problem(60, 20)

    def fit(X, y, alpha, weight, _):
        readout = RidgeReadout(alpha, solver="svd").fit(X, y, weight)
        return readout.coef_.T, readout.intercept_

    readout = RidgeReadout(alphas=[1e-16, 1e-12], solver="svd").fit(X, y)
    expected = [naive.leave_one_out(X, y[:, None], alpha, fit=fit) for alpha in (1e-16, 1e-12)]
    np.testing.assert_allclose(readout.scores_path_, expected, rtol=1e-7)


@pytest.mark.parametrize(("solver", "n_features"), [("svd", 6), ("sums", 6), ("sums", 2), ("sums", 1)])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_generalised_cross_validation_follows_its_definition(solver, n_features, fit_intercept, weighted):
    X, y, weight = problem(30, n_features)
    weight = weight if weighted else None
    readout = RidgeReadout(alphas=ALPHAS, selection="gcv", solver=solver, fit_intercept=fit_intercept)
    readout.fit(X, y, weight)
    expected = [naive.generalised_cross_validation(X, y, a, weight, fit_intercept) for a in ALPHAS]
    np.testing.assert_allclose(readout.scores_path_, expected, rtol=1e-10)
    for target, (alpha, coef) in enumerate(zip(readout.alpha_, readout.coef_)):
        b, _ = naive.ridge(X, y[:, [target]], alpha, weight, fit_intercept)
        np.testing.assert_allclose(coef, b[:, 0], rtol=1e-9)


@both_solvers
@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_each_target_has_its_own_penalty(solver, selection):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, 8))
    y = np.column_stack([X @ rng.standard_normal(8), rng.standard_normal(60)])  # all signal, no signal
    readout = RidgeReadout(alphas=[1e4, 1e-2], selection=selection, solver=solver, store_path=True).fit(X, y)
    assert readout.alpha_.tolist() == [1e-2, 1e4]
    assert readout.alphas_path_.tolist() == [1e4, 1e-2]
    for i, alpha in enumerate([1e4, 1e-2]):
        single = RidgeReadout(alpha, solver=solver).fit(X, y)
        np.testing.assert_allclose(readout.coef_path_[i], single.coef_, rtol=1e-10)
        np.testing.assert_allclose(readout.intercept_path_[i], single.intercept_, rtol=1e-9)
        np.testing.assert_allclose(readout.coef_[1 - i], single.coef_[1 - i], rtol=1e-10)


def test_among_equal_scores_the_largest_penalty_wins():
    X = np.random.default_rng(0).standard_normal((20, 3))
    for selection in ("loo", "gcv"):
        readout = RidgeReadout(alphas=[1.0, 100.0, 10.0], selection=selection, solver="svd").fit(
            X, np.zeros(20)
        )
        assert readout.alpha_ == 100.0


def test_a_row_that_alone_decides_a_coefficient_has_no_leave_one_out_error():
    X, y, _ = problem(30)
    X = np.column_stack([X, np.arange(30) == 4])
    readout = RidgeReadout(alphas=[0.0, 1.0]).fit(X, y)
    assert np.isinf(readout.scores_path_[0]).all()
    assert readout.alpha_.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"n_samples = 30 leaves no row to judge alphas by: give one alpha"):
        RidgeReadout(alphas=[0.0]).fit(X, y)


# ---------------------------------------------------------------------------------------- rows that are added


@both_solvers
@pytest.mark.parametrize("n_rows", [4, 90])
def test_parts_add_up_to_the_whole(solver, n_rows):
    X, y, weight = problem(n_rows, 12)
    X += np.linspace(0, 50, n_rows)[:, None]  # the parts' means lie far apart
    whole = RidgeReadout(0.1, solver=solver).fit(X, y, weight)
    steps = RidgeReadout(0.1, solver=solver)
    parts = []
    for block in blocks_of(X, y, weight):
        steps.partial_fit(*block)
        parts.append(RidgeReadout(0.1, solver=solver).partial_fit(*block))
    for readout in (steps, sum(parts), sum(parts[::-1])):
        np.testing.assert_allclose(readout.coef_, whole.coef_, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(readout.intercept_, whole.intercept_, rtol=1e-10)
        assert readout.solver_ == solver
    if n_rows > 4:
        chosen = [
            RidgeReadout(alphas=ALPHAS, solver=solver).partial_fit(*b) for b in blocks_of(X, y, weight, 45)
        ]
        expected = RidgeReadout(alphas=ALPHAS, solver=solver, selection="gcv").fit(X, y, weight)
        np.testing.assert_allclose((chosen[0] + chosen[1]).scores_path_, expected.scores_path_, rtol=1e-10)
        assert chosen[0].selection_ == "gcv"


def test_added_parts_keep_every_digit_of_singular_rows():
    X, y = singular_problem()
    halves = [RidgeReadout(1e-16).partial_fit(X[i::2], y[i::2]) for i in range(2)]
    total = halves[0] + halves[1]
    assert total.solver_ == "svd"
    np.testing.assert_allclose(total.predict(X), RidgeReadout(1e-16).fit(X, y).predict(X), atol=1e-12)


def test_adding_leaves_the_parts_alone():
    X, y, _ = problem()
    a, b = RidgeReadout().partial_fit(X[:20], y[:20]), RidgeReadout().partial_fit(X[20:], y[20:])
    before = a.coef_.copy(), b.coef_.copy()
    total = a + b
    assert total._rows.n_rows == 40
    np.testing.assert_array_equal(a.coef_, before[0])
    np.testing.assert_array_equal(b.coef_, before[1])
    np.testing.assert_array_equal(clone(a).partial_fit(X[:20], y[:20]).coef_, before[0])


def test_the_solution_is_put_off_until_it_is_asked_for():
    X, y, _ = problem()
    readout = RidgeReadout(0.1).partial_fit(X[:20], y[:20])
    assert "coef_" not in vars(readout)
    first = readout.predict(X)
    assert "coef_" in vars(readout)
    readout.partial_fit(X[20:], y[20:])
    assert not np.allclose(first, readout.predict(X))
    with pytest.raises(AttributeError, match="no attribute 'coef_path_'"):
        _ = readout.coef_path_


@both_solvers
def test_copies_go_on_where_the_original_stands(solver):
    X, y, weight = problem()
    original = RidgeReadout(0.1, solver=solver).partial_fit(X[:20], y[:20])
    copies = [pickle.loads(pickle.dumps(original))]
    file = io.BytesIO()
    persistence.save(original, file)
    file.seek(0)
    copies.append(persistence.load(file))
    original.partial_fit(X[20:], y[20:], weight[20:])
    for copy in copies:
        np.testing.assert_array_equal(copy.partial_fit(X[20:], y[20:], weight[20:]).coef_, original.coef_)


@pytest.mark.parametrize("kind", [GramSums, TriangularFactor])
@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_folded_rows_have_the_centred_products(kind, size):
    X, y, weight = problem(35, 9)
    rows = kind(9, 2)
    for block in blocks_of(X, y, weight, size):
        rows.add(*block)
    root = np.sqrt(weight)[:, None]
    Xc, yc = root * (X - np.average(X, 0, weight)), root * (y - np.average(y, 0, weight))
    if kind is GramSums:
        gram, cross = rows.gram, rows.cross
        np.testing.assert_allclose(rows.squares, (yc**2).sum(axis=0), rtol=1e-12)
    else:
        assert len(rows.factor) == 9
        gram, cross = rows.factor.T @ rows.factor, rows.factor.T @ rows.target
        rest = yc - Xc @ np.linalg.lstsq(Xc, yc, rcond=None)[0]
        np.testing.assert_allclose(rows.outside, (rest**2).sum(axis=0), rtol=1e-10)
    np.testing.assert_allclose(np.tril(gram), np.tril(Xc.T @ Xc), rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(cross, Xc.T @ yc, rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(rows.mean_x, np.average(X, 0, weight), rtol=1e-13)
    assert (rows.n_rows, rows.weight) == (35, pytest.approx(weight.sum()))


# ------------------------------------------------------------------------------------------------- streams


def stream_of(X, y, weight=None, size=7):
    """Return make_blocks over one buffer that is overwritten for every block, and the list of its calls."""
    calls = []

    def make_blocks():
        calls.append(len(calls))
        buffer = np.empty((size, X.shape[1]), X.dtype)
        for rows, target, w in blocks_of(X, y, weight, size):
            buffer[: len(rows)] = rows
            yield buffer[: len(rows)], target, w
            buffer[:] = np.nan

    return make_blocks, calls


@pytest.mark.parametrize(
    ("parameters", "n_calls"),
    [
        ({"alpha": 0.1}, 1),
        ({"alpha": 0.0}, 2),
        ({"alpha": 0.0, "solver": "svd"}, 1),
        ({"alphas": ALPHAS}, 2),
        ({"alphas": ALPHAS, "selection": "gcv"}, 1),
        ({"alphas": [0.0, 1.0]}, 3),
    ],
)
def test_a_stream_equals_its_rows_and_is_read_as_often_as_needed(parameters, n_calls):
    X, y, weight = problem()
    make_blocks, calls = stream_of(X, y, weight)
    streamed = RidgeReadout(**parameters).fit_stream(make_blocks)
    whole = RidgeReadout(**parameters).fit(X, y, weight)
    assert len(calls) == n_calls
    assert streamed.solver_ == whole.solver_
    np.testing.assert_allclose(streamed.coef_, whole.coef_, rtol=1e-10)
    np.testing.assert_allclose(streamed.alpha_, whole.alpha_)
    assert streamed.n_features_in_ == 6


def test_rows_of_weight_zero_are_no_rows():
    X, y, weight = problem()
    weight[::3] = 0
    X_bad = X.copy()
    X_bad[::3] = 1e9
    kept = weight > 0
    for alphas in ([1e-3, 1.0], [0.0, 1.0]):
        with_zeros = RidgeReadout(alphas=alphas).fit(X_bad, y, weight)
        without = RidgeReadout(alphas=alphas).fit(X[kept], y[kept], weight[kept])
        np.testing.assert_allclose(with_zeros.coef_, without.coef_, rtol=1e-10)
        np.testing.assert_allclose(with_zeros.scores_path_, without.scores_path_, rtol=1e-10)


def test_integer_and_bool_blocks_are_numbers():
    X = np.random.default_rng(0).integers(0, 5, (50, 3))
    y = X @ [1, 2, 3] > 10
    readout = RidgeReadout(0.1).fit_stream(lambda: [(X[:20], y[:20]), (X[20:20], y[20:20]), (X[20:], y[20:])])
    np.testing.assert_allclose(readout.coef_, RidgeReadout(0.1).fit(X, y).coef_, rtol=1e-12)


# ------------------------------------------------------------------------------------------ choice of the road


def test_auto_leaves_sums_that_do_not_resolve_alpha():
    X, y, _ = problem(5000)
    noise = 6 * np.finfo(float).eps * np.linalg.norm((X - X.mean(0)).T @ (X - X.mean(0)))
    above, below = RidgeReadout(1.01 * noise).fit(X, y), RidgeReadout(0.99 * noise).fit(X, y)
    assert (above.solver_, below.solver_) == ("sums", "svd")
    assert above.solver_reason_ == f"alpha {1.01 * noise:.2g} above the rounding noise of sums, {noise:.2g}"
    assert (
        below.solver_reason_
        == f"alpha {0.99 * noise:.2g} within the rounding noise of sums, {noise:.2g} or more"
    )
    assert RidgeReadout(alphas=[0.99 * noise, 1.0]).fit(X, y).solver_ == "svd"


def test_auto_reads_one_block_to_see_that_sums_will_not_do():
    X, y, _ = problem(70)
    make_blocks, calls = stream_of(X, y)
    seen = []

    def counted():
        for block in make_blocks():
            seen.append(len(calls))
            yield block

    RidgeReadout(1e-16).fit_stream(counted)
    assert [seen.count(1), seen.count(2)] == [1, 10]


def test_auto_takes_svd_when_there_are_no_more_rows_than_features():
    X, y, _ = problem(20, 30)
    reason = "no more rows (20) than features (30)"
    assert RidgeReadout(1.0).fit(X, y).solver_reason_ == reason
    for n_rows, n_calls in ((20, 2), (None, 2)):
        make_blocks, calls = stream_of(X, y)
        readout = RidgeReadout(1.0).fit_stream(make_blocks, n_rows=n_rows)
        assert (readout.solver_, readout.solver_reason_, len(calls)) == ("svd", reason, n_calls)


def test_just_above_the_noise_both_roads_still_agree():
    X, y = singular_problem(2000, 100, 1e-10)
    sums = GramSums(100, 1)
    sums.add(X, y[:, None])
    auto, svd = (RidgeReadout(1.01 * sums.noise, solver=solver).fit(X, y) for solver in ("auto", "svd"))
    assert auto.solver_ == "sums"
    assert np.linalg.norm(auto.coef_ - svd.coef_) < 1e-3 * np.linalg.norm(svd.coef_)
    squares = [r.alpha * r.coef_ @ r.coef_ + np.sum((y - r.predict(X)) ** 2) for r in (auto, svd)]
    assert squares[0] < squares[1] * (1 + 1e-6)


def test_sums_below_their_noise_warn_and_stay_finite():
    X, y = singular_problem()
    with pytest.warns(
        LinAlgWarning, match=r"alpha=1e-20 lies below the rounding noise of the sums, 1.\de-14"
    ):
        readout = RidgeReadout(1e-20, solver="sums").fit(X, y)
    assert readout.score(X, y) > 0.9
    X, y, weight = problem()
    for parameters in (
        {"alpha": 0.0},
        {"alphas": [0.0, 1e-15]},
        {"alphas": [0.0, 1e-15], "selection": "gcv"},
    ):
        sums, svd = (RidgeReadout(**parameters, solver=road).fit(X, y, weight) for road in ("sums", "svd"))
        np.testing.assert_allclose(sums.coef_, svd.coef_, rtol=1e-8)  # X'X is definite: no warning


# -------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"alpha": -1.0},
            r"The 'alpha' parameter of RidgeReadout must be a float in the range \[0.0, inf\). Got -1.0",
        ),
        ({"alpha": 2.0, "alphas": [1.0]}, "alpha=2.0 and alphas were both given: drop one of them"),
        ({"alphas": [1.0, -2.0]}, r"alphas=\[1.0, -2.0\] must be a list of at least one finite penalty >= 0"),
        ({"alphas": []}, r"alphas=\[\] must be"),
        ({"alphas": [np.inf]}, r"alphas=\[inf\] must be"),
        ({"alphas": [[1.0]]}, r"alphas=\[\[1.0\]\] must be"),
        ({"solver": "qr"}, "The 'solver' parameter of RidgeReadout must be a str among"),
        ({"selection": "cv"}, "The 'selection' parameter of RidgeReadout must be a str among"),
    ],
)
def test_bad_parameters(parameters, message):
    X, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        RidgeReadout(**parameters).fit(X, y)
    with pytest.raises(ValueError, match=message):
        RidgeReadout(**parameters).partial_fit(X, y)


def test_bad_rows():
    X, y, weight = problem()
    readout = RidgeReadout()
    with pytest.raises(NotFittedError):
        readout.predict(X)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 39\]"):
        readout.fit(X, y[1:])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        readout.fit(np.where(X > 5, np.nan, X), y)
    with pytest.raises(ValueError, match="Input y contains infinity"):
        readout.fit(X, np.where(y > 5, np.inf, y))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        readout.fit(X, y, weight - 1)
    with pytest.raises(ValueError, match="weight"):
        readout.fit(X, y, np.zeros(40))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "there are no rows of positive weight to fit: check sample_weight, and what make_blocks"),
        ([np.ones((3, 2))], r"block 0 must be a tuple \(X, y\) or \(X, y, sample_weight\)"),
        ([(np.ones((3, 2)), np.ones(2))], r"block 0 has X of shape \(3, 2\) and y of shape \(2,\)"),
        ([(np.ones(3), np.ones(3))], r"block 0 has X of shape \(3,\) .* X \(n, n_features\), y \(n,\) or"),
        (
            [(np.ones((3, 2)), np.ones(3)), (np.ones((3, 4)), np.ones(3))],
            r"block 1 has X of shape \(3, 4\) .* those of the first block",
        ),
        (
            [(np.ones((3, 2)), np.ones(3)), (np.ones((3, 2)), np.ones((3, 1)))],
            r"block 1 .* y of shape \(3, 1\), which do not match each other or those of the first block",
        ),
        ([(np.ones((3, 2)), np.ones(3), [1.0])], r"sample_weight of block 0 has shape \(1,\) for 3 rows"),
        (
            [(np.ones((3, 2)), np.ones(3), [1.0, 1, -2])],
            "values from -2.0: it must be one finite weight",
        ),
        ([(np.full((3, 2), np.nan), np.ones(3))], "X contains NaN or infinity"),
        ([(np.ones((3, 2)), np.array([1, np.inf, -np.inf]))], "y contains NaN or infinity"),
    ],
)
@pytest.mark.parametrize("solver", ["auto", "svd", "sums"])
def test_bad_blocks(blocks, message, solver):
    with pytest.raises(ValueError, match=message):
        RidgeReadout(1.0, solver=solver).fit_stream(lambda: blocks)


def test_a_stream_that_cannot_be_read_again_is_noticed():
    X, y, _ = problem()
    iterator = iter(blocks_of(X, y))
    with pytest.raises(ValueError, match=r"make_blocks\(\) yielded 0 rows when called again, 40 at first"):
        RidgeReadout(alphas=ALPHAS).fit_stream(lambda: iterator)


def test_bad_additions():
    X, y, _ = problem()
    part = RidgeReadout().partial_fit(X, y)
    with pytest.raises(ValueError, match="only readouts that were fitted by partial_fit can be added"):
        part + RidgeReadout().fit(X, y)
    for other, name in (
        (RidgeReadout(solver="sums").partial_fit(X, y), "solver: 'svd' and 'sums'"),
        (RidgeReadout(fit_intercept=False).partial_fit(X, y), "fit_intercept: True and False"),
        (RidgeReadout().partial_fit(X[:, :3], y), "n_features_in: 6 and 3"),
        (RidgeReadout().partial_fit(X, y[:, 0]), r"target_shape: \(2,\) and \(\)"),
    ):
        with pytest.raises(ValueError, match=f"must agree in {name}"):
            part + other
    with pytest.raises(TypeError, match="unsupported operand"):
        part + 1
    with pytest.raises(ValueError, match=r"rows of y have shape \(\), those of earlier calls had \(2,\)"):
        part.partial_fit(X, y[:, 0])
    with pytest.raises(ValueError, match="selection='loo' reads the rows a second time"):
        RidgeReadout(alphas=ALPHAS, selection="loo").partial_fit(X, y)


def test_partial_fit_after_fit_says_that_it_begins_anew():
    X, y, _ = problem()
    readout = RidgeReadout(0.1).fit(X, y)
    with pytest.warns(UserWarning, match="partial_fit after fit begins anew"):
        readout.partial_fit(X[:10], y[:10])
    np.testing.assert_array_equal(readout.coef_, RidgeReadout(0.1).partial_fit(X[:10], y[:10]).coef_)
    readout.fit(X, y)
    assert "_rows" not in vars(readout)


@both_solvers
def test_what_lies_in_a_memory_map_goes_on_learning(solver, tmp_path):
    """Compiled code writes where it is told to: to pages that may only be read, too."""
    X, y = np.random.default_rng(0).standard_normal((2, 60, 9))
    joblib.dump(RidgeReadout(0.1, solver=solver).partial_fit(X[:30], y[:30]), tmp_path / "readout")
    mapped = joblib.load(tmp_path / "readout", mmap_mode="r").partial_fit(X[30:], y[30:])
    expected = RidgeReadout(0.1, solver=solver).partial_fit(X[:30], y[:30]).partial_fit(X[30:], y[30:])
    np.testing.assert_array_equal(mapped.coef_, expected.coef_)
    again = joblib.load(tmp_path / "readout", mmap_mode="r")  # the file is as it was
    np.testing.assert_allclose(again.coef_, RidgeReadout(0.1).fit(X[:30], y[:30]).coef_, rtol=0, atol=1e-12)
