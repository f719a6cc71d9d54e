"""Readouts that learn row by row: RecursiveLeastSquares and LeastMeanSquares."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from reservoir.kernels.compilation import compiled
from reservoir.readouts.row_blocks import FLOATS


class OnlineReadout(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Base of linear readouts that learn row by row."""

    def _start(self, n_features, n_targets):
        """Set what the rows change."""
        raise NotImplementedError

    def learn(self, X, y):
        """Update the weights row by row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            float64, contiguous.
        y : ndarray of shape (n_rows, n_targets)
            float64, contiguous.
        """
        raise NotImplementedError

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Forget everything, then go through the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        y : array-like of shape (n_rows,) or (n_rows, n_targets)

        Returns
        -------
        self
        """
        self.__dict__.pop("_coef", None)
        return self._go_through(X, y)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y):
        """Go on with further rows: where a series is cut into calls does not matter.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        y : array-like of shape (n_rows,) or (n_rows, n_targets)

        Returns
        -------
        self
        """
        return self._go_through(X, y)

    def predict(self, X):
        """Return the linear prediction.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            float64.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return X @ self.coef_.T + self.intercept_

    def _go_through(self, X, y):
        begins = "_coef" not in vars(self)
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True, reset=begins)
        if begins:
            self.start(X.shape[1], y.shape[1:])
        elif y.shape[1:] != self._target_shape:
            raise ValueError(
                f"rows of y have shape {y.shape[1:]}, those of earlier calls had {self._target_shape}"
            )
        for name, carried in vars(self).items():
            if isinstance(carried, np.ndarray) and not carried.flags.writeable:  # from a memory map
                setattr(self, name, carried.copy())
        columns = np.ascontiguousarray(y, dtype=np.float64).reshape(len(X), -1)
        self.learn(np.ascontiguousarray(X, dtype=np.float64), columns)
        return self.publish()

    def start(self, n_features, target_shape):
        """Start from zero weights.

        Parameters
        ----------
        n_features : int
            Width of rows.
        target_shape : tuple of int
            Shape of a target: () or (n_targets,).
        """
        n_targets = int(np.prod(target_shape))
        self._target_shape = target_shape
        self._coef = np.zeros((n_targets, n_features))
        self._intercept = np.zeros(n_targets)
        self._start(n_features, n_targets)

    def respond(self, row):
        """Return the output of the present weights for one row.

        Parameters
        ----------
        row : ndarray of shape (n_features,)

        Returns
        -------
        ndarray of shape (n_targets,)
        """
        return self._coef @ row + self._intercept

    def publish(self):
        """Copy the weights to ``coef_`` and ``intercept_``, or raise if they have diverged."""
        if not (np.isfinite(self._coef).all() and np.isfinite(self._intercept).all()):
            raise ValueError(f"{self!r} diverged: {self._remedy}")
        is_flat = self._target_shape == ()
        self.coef_ = self._coef[0].copy() if is_flat else self._coef.copy()
        self.intercept_ = float(self._intercept[0]) if is_flat else self._intercept.copy()
        return self

    _remedy: ClassVar[str]


class RecursiveLeastSquares(OnlineReadout):
    r"""Ridge regression row by row, with a forgetting factor.

    After ``n`` rows the coefficients ``b`` and the intercept ``c`` minimise

    .. math::

        \sum_{i=1}^n \lambda^{n-i} (y_i - c - x_i' b)^2 + \lambda^n \alpha \|b\|^2

    exactly: without forgetting (``lambda`` = 1) they are those of ``RidgeReadout(alpha)`` after every row. A row
    costs a number of operations that grows with the square of the number of features.

    Parameters
    ----------
    alpha : float, default=1e-4
        Penalty > 0. The inverse that is carried has entries of up to its reciprocal: a very small one costs
        digits where the features are nearly collinear.
    forgetting : float, default=1.0
        ``lambda`` in (0, 1]. A row counts for about 1 / (1 - lambda) rows. The penalty is forgotten too, so that
        directions in which the features no longer vary drift after long; keep it near 1.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    n_features_in_ : int

    Notes
    -----
    The intercept is not penalised, and stays inside the recursion: with the weighted means of the rows before,
    row ``n`` enters as the deviations :math:`d = x_n - \bar x, e = y_n - \bar y` with the weight
    :math:`w = \lambda W_{n-1} / W_n`, where :math:`W_n = \lambda W_{n-1} + 1`, and

    .. math::

        g = P d, \quad k = \frac{g}{\lambda / w + d' g}, \quad b \leftarrow b + k (e - d' b), \quad
        P \leftarrow (P - k g') / \lambda .

    References
    ----------
    S. Haykin, Adaptive Filter Theory, 4th ed., Prentice Hall 2002, chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import RidgeReadout
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 3))
    >>> y = X @ [1.0, -2.0, 0.5] + 4.0
    >>> online = RecursiveLeastSquares(1e-2)
    >>> for row, target in zip(X, y):
    ...     online = online.partial_fit(row[np.newaxis], [target])
    >>> bool(np.allclose(online.coef_, RidgeReadout(1e-2).fit(X, y).coef_))
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "forgetting": [Interval(Real, 0, 1, closed="right")],
    }
    _remedy: ClassVar[str] = "raise alpha, or forgetting towards 1"

    def __init__(self, alpha=1e-4, *, forgetting=1.0):
        self.alpha = alpha
        self.forgetting = forgetting

    def _start(self, n_features, n_targets):
        self._inverse = np.eye(n_features) / self.alpha  # its lower triangle alone is looked at
        self._means = np.zeros(n_features + n_targets)
        self._weight = 0.0

    def learn(self, X, y):
        """Update the weights row by row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            float64, contiguous.
        y : ndarray of shape (n_rows, n_targets)
            float64, contiguous.
        """
        self._weight = _recursive_least_squares(
            X, y, self._coef, self._inverse, self._means, self._weight, float(self.forgetting)
        )
        n_features = X.shape[1]
        self._intercept = self._means[n_features:] - self._coef @ self._means[:n_features]


class LeastMeanSquares(OnlineReadout):
    r"""Stochastic gradient descent on the squared error, row by row.

    .. math::

        z = [x, 1], \qquad v \leftarrow v + \eta\, (y - v' z)\, z \,/\, (\|z\|^2 \text{ if normalised})

    where ``v`` is coefficients and intercept. A row costs as many operations as there are features.

    Parameters
    ----------
    learning_rate : float, default=0.5
        ``eta``. Normalised it is stable below 2, otherwise below 2 over the largest eigenvalue of the mean of
        ``z z'``.
    normalized : bool, default=True
        Divide the step by the squared length of ``z``: the result then does not depend on the units of ``x``.
    n_epochs : int, default=1
        How often ``fit`` and ``partial_fit`` go through the rows.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    n_features_in_ : int

    References
    ----------
    B. Widrow, M. E. Hoff, Adaptive switching circuits, IRE WESCON 1960. S. Haykin, Adaptive Filter Theory, 4th
    ed., Prentice Hall 2002, chapters 5 and 6.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((500, 3))
    >>> y = X @ [1.0, -2.0, 0.5] + 4.0
    >>> LeastMeanSquares().fit(X, y).coef_.round(6)
    array([ 1. , -2. ,  0.5])
    """

    _parameter_constraints: ClassVar[dict] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "normalized": ["boolean"],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
    }
    _remedy: ClassVar[str] = "lower learning_rate, or set normalized=True"

    def __init__(self, learning_rate=0.5, *, normalized=True, n_epochs=1):
        self.learning_rate = learning_rate
        self.normalized = normalized
        self.n_epochs = n_epochs

    def _start(self, n_features, n_targets):
        """Nothing is carried beside the coefficients."""

    def learn(self, X, y):
        """Update the weights row by row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            float64, contiguous.
        y : ndarray of shape (n_rows, n_targets)
            float64, contiguous.
        """
        if self.normalized and self.learning_rate >= 2:
            raise ValueError(
                f"learning_rate={self.learning_rate!r} lets normalised steps raise the error: it must lie below 2"
            )
        for _ in range(self.n_epochs):
            _least_mean_squares(
                X, y, self._coef, self._intercept, float(self.learning_rate), bool(self.normalized)
            )


@compiled
def _recursive_least_squares(X, y, coef, inverse, means, weight, forgetting):
    """Go through rows; all but ``X`` and ``y`` is overwritten by what it becomes. Returns the sum of weights.

    Of ``inverse`` (n_features, n_features) only the lower triangle is read and written. ``means`` are those of
    the features and then of the targets.
    """
    n_features, n_targets = X.shape[1], y.shape[1]
    deviation, product = np.zeros(n_features), np.zeros(n_features)
    for t in range(X.shape[0]):
        total = forgetting * weight + 1
        for i in range(n_features):
            deviation[i] = X[t, i] - means[i]
            means[i] += deviation[i] / total
        _symmetric_product(inverse, deviation, product)
        scale = total / weight  # infinite for the first row, which sets the means alone
        for i in range(n_features):
            scale += deviation[i] * product[i]
        for d in range(n_targets):
            error = y[t, d] - means[n_features + d]
            means[n_features + d] += error / total
            of_target = coef[d]
            for i in range(n_features):
                error -= of_target[i] * deviation[i]
            error /= scale
            for i in range(n_features):
                of_target[i] += error * product[i]
        _downdate(inverse, product, scale, forgetting)
        weight = total
    return weight


@compiled
def _symmetric_product(lower, vector, product):
    """``product = A @ vector`` from the lower triangle of ``A``."""
    product[:] = 0
    for i in range(vector.size):
        row, begin = lower[i, :i], vector[i]
        total = 0.0
        for j in range(row.size):
            total += row[j] * vector[j]
            product[j] += row[j] * begin
        product[i] += total + lower[i, i] * begin


@compiled
def _downdate(lower, product, scale, forgetting):
    """Set the lower triangle of ``A`` to that of ``(A - g g' / scale) / forgetting``."""
    for i in range(product.size):
        row, factor = lower[i, : i + 1], product[i] / scale
        if forgetting == 1:
            for j in range(row.size):
                row[j] -= factor * product[j]
        else:
            for j in range(row.size):
                row[j] = (row[j] - factor * product[j]) / forgetting


@compiled
def _least_mean_squares(X, y, coef, intercept, learning_rate, normalized):
    """Go through rows; ``coef`` (n_targets, n_features) and ``intercept`` are overwritten by what they become."""
    for t in range(X.shape[0]):
        row = X[t]
        length = 1.0
        if normalized:
            for i in range(row.size):
                length += row[i] * row[i]
        for d in range(y.shape[1]):
            of_target = coef[d]
            error = y[t, d] - intercept[d]
            for i in range(row.size):
                error -= of_target[i] * row[i]
            step = learning_rate * error / length
            intercept[d] += step
            for i in range(row.size):
                of_target[i] += step * row[i]
