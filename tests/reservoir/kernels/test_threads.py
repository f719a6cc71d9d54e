"""BLAS takes one thread for small problems: the same bits whatever its limit, which is left as it was."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from forecasting import ReservoirForecaster
from reservoir import EchoState, ESNRegressor, RidgeReadout
from reservoir.kernels.threads import OneBlasThread, blas_threads


@pytest.fixture(autouse=True)
def two_threads():
    """More than one thread, where this BLAS has any."""
    with threadpool_limits(2, user_api="blas"):
        yield


def test_the_limit_holds_inside_and_is_lifted_by_the_last():
    before = blas_threads()

    def visit():
        with OneBlasThread(10):
            pass
        return blas_threads()

    with ThreadPoolExecutor(1) as pool, OneBlasThread(10):
        assert blas_threads() == 1
        assert pool.submit(visit).result() == 1  # who leaves first does not lift it
        assert blas_threads() == 1
    assert blas_threads() == before
    with pytest.raises(ValueError, match="inside"), OneBlasThread(10):
        raise ValueError("inside")
    assert blas_threads() == before
    with OneBlasThread(OneBlasThread.LARGEST + 1):
        assert blas_threads() == before


@pytest.mark.parametrize("last", ["this thread", "a worker"])
def test_whoever_leaves_last_lifts_the_limit(last):
    """threadpoolctl lets a single thread of Python set the limit of OpenBLAS."""
    before = blas_threads()
    inside, left = Barrier(2), Barrier(2)

    def visit(leaves_last):
        with OneBlasThread(10):
            inside.wait(20)
            if leaves_last:
                left.wait(20)
                assert blas_threads() == 1
        if not leaves_last:
            left.wait(20)

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(visit, last == "a worker")
        visit(last != "a worker")
        worker.result()
    assert blas_threads() == before


def fits():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((800, 3))
    y = np.tanh(X.sum(axis=1)) + 0.1 * rng.standard_normal(800)
    for options in ({"solver": "svd"}, {"solver": "sums"}, {"alphas": np.logspace(-6, 2, 5)}):
        model = ESNRegressor(EchoState(300, random_state=0), RidgeReadout(**options)).fit(X, y)
        yield model.predict(X[:50])
    yield ReservoirForecaster(random_state=0).fit(y[:400]).predict(12)


def test_the_number_of_blas_threads_changes_no_bit_of_small_problems():
    with threadpool_limits(1, user_api="blas"):
        expected = list(fits())
    for one, other in zip(fits(), expected):
        np.testing.assert_array_equal(one, other)
