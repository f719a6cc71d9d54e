"""What a step does unit by unit, beside its products: written once as equations, compiled for vectors.

A cell writes down one unit of one series, in the words of `reservoir.kernels.lanes`, and gives arrays by their
addresses. Rows of an array are in time order, step after step and series after series; a unit is told four of them:

=========  =====================================================
row        stands for
=========  =====================================================
``now``    this step and series
``after``  the next step of the series
``here``   the series, in arrays of one step
``chunk``  the same as ``now``, in arrays that begin with a chunk
=========  =====================================================
"""

from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import in_lanes, split

_AHEAD = 2  # rows: about as long as it takes from the third-level cache
_WORTH = 4096  # numbers of a step, above which what it touches leaves the caches before it is read back


def each_unit(define):
    """Return a compiled function that does all units of all series at a step.

    Parameters
    ----------
    define : callable
        ``define(load, store, full)`` returns ``unit(j, arrays, options, n_units, now, after, here, chunk)``.

    Returns
    -------
    callable
        ``run(arrays, options, t, first, shape)`` for step t of the chunk that begins with step ``first``; ``shape``
        is what `shape_of` returns.
    """
    return _loop(define, 0)


def each_unit_back(define):
    """The same for a step back, which asks for what the next series need: their tape lies in no cache of the core."""
    near, far = _loop(define, 0), _loop(define, _AHEAD)

    @compiled(cached=False)
    def run(arrays, options, t, first, shape):
        if shape[0] * shape[1] < _WORTH:
            near(arrays, options, t, first, shape)
        else:
            far(arrays, options, t, first, shape)

    return run


def _loop(define, ahead):
    several, one, fetch = in_lanes(define)

    @compiled(cached=False)
    def run(arrays, options, t, first, shape):
        n_series, n_units, lanes, whole = shape
        for n in range(n_series):
            now = t * n_series + n
            rows = n_units, now, now + n_series, n, now - first * n_series
            later = n_units, now + ahead, now + n_series + ahead, n + ahead, now - first * n_series + ahead
            for j in range(0, whole, lanes):
                if ahead:
                    fetch(j, arrays, options, *later)
                several(j, arrays, options, *rows)
            for j in range(whole, n_units):
                one(j, arrays, options, *rows)

    return run


@compiled(cached=False)
def shape_of(n_series, n_units, like):
    """Return series, units, and how many of these go at once and how many that makes."""
    return (n_series, n_units, *split(n_units, like))
