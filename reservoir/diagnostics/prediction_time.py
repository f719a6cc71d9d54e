r"""Valid prediction time of a trained model that runs free, from many start points.

.. math:: \mathrm{VPT} = \lambda \, \Delta t \, \max \{ k : E_1, \dots, E_k \le \theta \}, \quad
          E_t = \sqrt{\frac1d \sum_j \left( \frac{y_{tj} - \hat y_{tj}}{s_j} \right)^2}
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reservoir.diagnostics.input_checks import positive, spread_of, table_of, whole
from reservoir.models.closed_loop import closed_loop_of


def valid_prediction_times(
    model: Any,
    series: ArrayLike,
    starts: ArrayLike,
    *,
    n_steps: int,
    n_context: int = 1000,
    threshold: float = 0.3,
    dt: float = 1.0,
    lyapunov_exponent: float = 1.0,
    scale: ArrayLike | None = None,
) -> np.ndarray:
    """How long free runs stay near the truth, from each of many start points.

    Parameters
    ----------
    model : ReservoirForecaster, ESNRegressor or ClosedLoop
        Fitted.
    series : array-like of shape (n_total,) or (n_total, n_outputs)
        The truth.
    starts : array-like of int, shape (n_starts,)
        Rows of the series at which the runs begin.
    n_steps : int
        Length of each run.
    n_context : int, default=1000
        Rows before each start that the model reads, from rest.
    threshold : float, default=0.3
        Error that ends a run, in units of ``scale``. The literature has 0.3, 0.4 and 0.5; print it.
    dt : float, default=1.0
        Time of one step.
    lyapunov_exponent : float, default=1.0
        Largest exponent per unit of time; 1 leaves the answer in units of ``dt``.
    scale : array-like of shape (n_outputs,), optional
        Default: the standard deviation of ``series``.

    Returns
    -------
    ndarray of shape (n_starts,)
        The length of the run where the error never reached the threshold.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState, ESNRegressor
    >>> y = np.sin(0.3 * np.arange(1000.0))[:, np.newaxis]
    >>> model = ESNRegressor(EchoState(50, random_state=0)).fit(y[:399], y[1:400])
    >>> valid_prediction_times(model, y, [600, 800], n_steps=50, n_context=100, dt=0.1).tolist()
    [5.0, 5.0]
    """
    loop = closed_loop_of(model)
    truth = table_of("series", series)
    n_steps, n_context = whole("n_steps", n_steps, 1), whole("n_context", n_context, 1)
    rows = np.asarray(starts)
    if rows.ndim != 1 or rows.size == 0 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(
            f"starts={starts!r} must be whole numbers, at least one, the rows at which runs begin"
        )
    first, last = rows.min(), rows.max()
    if first < n_context or last + n_steps > len(truth):
        raise ValueError(
            f"starts={first} to {last} with n_context={n_context} rows before and n_steps={n_steps} after leave the "
            f"{len(truth)} rows of the series"
        )
    unit = spread_of(truth) if scale is None else np.asarray(scale, dtype=float)
    if unit.shape not in ((), truth.shape[1:]) or not ((unit > 0) & np.isfinite(unit)).all():
        raise ValueError(
            f"scale={unit.tolist()} must hold positive numbers, one for each of the {truth.shape[1]} columns: a "
            "constant column has none by itself"
        )
    threshold, time = positive("threshold", threshold), positive("dt", dt)
    time *= positive("lyapunov_exponent", lyapunov_exponent)
    times = []
    for start in rows:
        point = loop.synchronise(truth[start - n_context : start])
        run = loop.run(n_steps, point)
        times.append(time * _valid_steps(truth[start : start + n_steps], run, threshold, unit))
    return np.array(times)


def _valid_steps(truth, run, threshold, unit) -> int:
    """Steps before the first whose error exceeds the threshold or is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.sqrt(np.mean(((truth - run) / unit) ** 2, axis=1))
    beyond = ~(error <= threshold)
    return int(np.argmax(beyond)) if beyond.any() else len(beyond)
