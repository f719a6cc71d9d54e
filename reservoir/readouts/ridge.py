"""RidgeReadout: linear readout with a squared penalty, streamed, for one penalty or a whole path of them."""

import copy
import warnings
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from reservoir.kernels.threads import OneBlasThread
from reservoir.readouts.centred_rows import CentredRows, GramSums
from reservoir.readouts.ridge_path import leave_one_out, ridge_path
from reservoir.readouts.row_blocks import FLOATS, RowBlocks, folded, folded_as_needed

_ALPHA = 1e-6
_SOLUTION = (
    "coef_",
    "intercept_",
    "alpha_",
    "alphas_path_",
    "scores_path_",
    "selection_",
    "coef_path_",
    "intercept_path_",
)


class RidgeReadout(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Ridge regression that streams over rows, chooses its penalty, and keeps every digit when it must.

    Minimises, for each target,

        sum_i w_i (y_i - c - x_i'b)^2 + alpha ||b||^2.

    The intercept c is not penalised and the features are not scaled. There are two roads to the minimum:

    ``"svd"``
        Householder QR of the centred rows, block by block, then the singular values of the triangle. Accurate
        to rounding for every alpha >= 0 even where states are numerically singular, as those of a reservoir
        are; alpha = 0 gives the solution of least norm.
    ``"sums"``
        Sums X'X and X'y, block by block. Three to four times as fast, but X'X carries rounding errors of up to
        ``noise = n_features * eps * ||X'X||_F``, and smaller penalties drown in them.

    Either holds one block of rows at a time, beside square matrices of n_features.

    Parameters
    ----------
    alpha : float, default=1e-6
        Penalty, in units of the squared features times weights.
    alphas : array-like of shape (n_alphas,), default=None
        Path of penalties from which each target takes the one with the best score. ``alpha`` must then keep
        its default.
    selection : {"auto", "loo", "gcv"}, default="auto"
        Score of the path: exact leave-one-out, which reads the rows a second time, or generalised
        cross-validation, which needs the sums alone. "auto" is "loo" in ``fit`` and ``fit_stream``, and "gcv"
        after ``partial_fit`` or ``+``, when the rows are gone.
    fit_intercept : bool, default=True
        Whether to fit c.
    solver : {"auto", "svd", "sums"}, default="auto"
        The road. "auto" takes "sums" while the smallest alpha exceeds ``noise`` (the coefficients then agree
        with those of "svd" to about 1e-4, the objective to about 1e-8) and there are more rows than features,
        otherwise "svd". It starts with the sums and leaves them as soon as their noise is too large, which
        for tiny penalties is after the first block. ``partial_fit``, which cannot read rows again, takes
        "svd" when asked for "auto".
    store_path : bool, default=False
        Whether to keep the coefficients of all ``alphas``, for a choice by a criterion of your own.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients b; one-dimensional if ``y`` was.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept c.
    alpha_ : float or ndarray of shape (n_targets,)
        Penalty used for each target. Among equal scores the largest penalty wins.
    solver_ : {"svd", "sums"}
        The road taken.
    solver_reason_ : str
        Why.
    alphas_path_ : ndarray of shape (n_alphas,)
        The path, if ``alphas`` was given.
    scores_path_ : ndarray of shape (n_alphas, n_targets)
        Mean squared leave-one-out error (weighted by w) or GCV score of each penalty; infinite where a row
        left out would leave a coefficient undecided.
    selection_ : {"loo", "gcv"}
        What ``scores_path_`` holds.
    coef_path_, intercept_path_ : ndarray of shape (n_alphas, n_targets, n_features) and (n_alphas, n_targets)
        Solutions along the path, if ``store_path``.
    n_features_in_ : int
        Width of ``X``.

    See Also
    --------
    sklearn.linear_model.Ridge : In memory, one penalty.
    sklearn.linear_model.RidgeCV : In memory, one penalty for all targets unless told otherwise.

    Notes
    -----
    Leave-one-out needs no refits: the error at row i of a fit without it (and all its weight) is

        (y_i - c - x_i'b) / (1 - h_i),    h_i = w_i / W + w_i (x_i - m)' (X'X + alpha I)^-1 (x_i - m)

    with the weighted mean m, its centred X, and the sum W of the weights; generalised cross-validation puts the
    mean of all h_i in the place of each. `reservoir.readouts.ridge_path` says how both come at once for all alphas,
    and `reservoir.readouts.centred_rows` how rows are centred and folded away.

    Everything is computed in float64, float32 rows included. On the road "svd", singular values below
    max(n_rows, n_features) * eps of the largest are rounding noise and count as zero. After ``partial_fit``
    and ``+`` the solution is computed when first asked for, and kept: adding many parts costs one solution.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman (2009). The Elements of Statistical Learning, 2nd ed., sections
    3.4.1 and 7.10.
    G. H. Golub, M. Heath and G. Wahba (1979). Generalized cross-validation as a method for choosing a good
    ridge parameter. Technometrics 21(2), 215-223.
    T. F. Chan, G. H. Golub and R. J. LeVeque (1983). Algorithms for computing the sample variance. The American
    Statistician 37(3), 242-247.
    G. H. Golub and C. F. Van Loan (2013). Matrix Computations, 4th ed., section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir.readouts.ridge import RidgeReadout
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 3))
    >>> y = X @ [1.0, -2.0, 0.0] + 5.0 + 0.1 * rng.standard_normal(200)
    >>> readout = RidgeReadout(alphas=[1e-2, 1.0, 1e2]).fit(X, y)
    >>> readout.alpha_
    0.01
    >>> readout.coef_.round(1) + 0.0
    array([ 1., -2.,  0.])
    >>> parts = [RidgeReadout(1e-2).partial_fit(X[i::2], y[i::2]) for i in range(2)]
    >>> np.allclose((parts[0] + parts[1]).coef_, readout.coef_)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "alphas": ["array-like", None],
        "selection": [StrOptions({"auto", "loo", "gcv"})],
        "fit_intercept": ["boolean"],
        "solver": [StrOptions({"auto", "svd", "sums"})],
        "store_path": ["boolean"],
    }

    def __init__(
        self,
        alpha=_ALPHA,
        *,
        alphas=None,
        selection="auto",
        fit_intercept=True,
        solver="auto",
        store_path=False,
    ):
        self.alpha = alpha
        self.alphas = alphas
        self.selection = selection
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.store_path = store_path

    # ------------------------------------------------------------------------------------------------- fitting

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit to rows in memory; forgets everything fitted before.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Features, such as the states of a reservoir. float32 is not copied.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets.
        sample_weight : float or array-like of shape (n_rows,), default=None
            Weights w >= 0.

        Returns
        -------
        self
        """
        return self._fit_blocks(self._blocks_in_memory(X, y, sample_weight))

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_stream(self, make_blocks, *, n_rows=None, make_penalties=None):
        """Fit to rows that are produced in blocks, and never hold more than one block.

        Parameters
        ----------
        make_blocks : callable
            ``make_blocks()`` returns a fresh iterator over the same rows at each call: tuples ``(X, y)`` or
            ``(X, y, sample_weight)`` of arrays (n, n_features), (n,) or (n, n_targets), and (n,) or None. A
            block is not looked at after the next has been asked for: its arrays may be overwritten. About
            1,000 rows a block are fastest. Called once, once more for leave-one-out, and once more when
            "auto" finds that the sums do not suffice.
        n_rows : int, default=None
            Number of rows, if known: "auto" then knows at once whether they are fewer than the features.
        make_penalties : callable, default=None
            ``make_penalties()`` returns a fresh iterator over arrays (n, n_features), each row g of which adds
            (g'b)^2 to the objective. It may be called twice. GCV counts these rows like data.

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from reservoir.readouts.ridge import RidgeReadout
        >>> def make_blocks():
        ...     rng = np.random.default_rng(0)
        ...     for _ in range(10):
        ...         X = rng.standard_normal((100, 4))
        ...         yield X, X.sum(axis=1)
        >>> RidgeReadout().fit_stream(make_blocks).coef_.round(6)
        array([1., 1., 1., 1.])
        """
        self._forget(["feature_names_in_"])
        return self._fit_blocks(RowBlocks(make_blocks, n_rows), make_penalties)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Add rows to those of earlier calls; neither their order nor their division into calls matters.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Features.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets.
        sample_weight : float or array-like of shape (n_rows,), default=None
            Weights w >= 0.

        Returns
        -------
        self

        Warns
        -----
        UserWarning
            If the readout was fitted by ``fit`` or ``fit_stream``, which keep the solution alone: what they had
            learned is forgotten.
        """
        rows = vars(self).get("_rows")
        if rows is None and "coef_" in vars(self):
            warnings.warn(
                "partial_fit after fit begins anew: fit keeps the solution, and no sums to add rows to",
                UserWarning,
                stacklevel=2,
            )
        self._penalties(rows_can_be_read_again=False)
        blocks = self._blocks_in_memory(X, y, sample_weight, reset=rows is None)
        if rows is None:
            self.solver_ = "sums" if self.solver == "sums" else "svd"
            self.solver_reason_ = "rows cannot be read again" if self.solver == "auto" else "asked for"
            self._target_shape = blocks.target_shape
        elif blocks.target_shape != self._target_shape:
            raise ValueError(
                f"rows of y have shape {blocks.target_shape}, those of earlier calls had {self._target_shape}"
            )
        self._rows = folded(self.solver_, blocks, self.fit_intercept, rows and rows.writable())
        self._forget(_SOLUTION)
        return self

    def fit_sums(self, rows, *, reason="sums of rows were given"):
        """Fit to rows that were folded away before, as `reservoir.readouts.centred_rows` does.

        Parameters
        ----------
        rows : GramSums or TriangularFactor
            Read, not changed: the same sums may grow afterwards, and be solved again.
        reason : str
            What ``solver_reason_`` says.

        Returns
        -------
        self
        """
        self.solver_ = "sums" if isinstance(rows, GramSums) else "svd"
        self.solver_reason_ = reason
        self.n_features_in_, self._target_shape = rows.n_features, (rows.n_targets,)
        self._solve(rows)
        return self

    def __add__(self, other):
        """Return the readout of all rows that two readouts have seen in ``partial_fit``, with self's parameters."""
        if not isinstance(other, RidgeReadout):
            return NotImplemented
        if "_rows" not in vars(self) or "_rows" not in vars(other):
            raise ValueError("only readouts that were fitted by partial_fit can be added: fit keeps no sums")
        for name in ("solver_", "fit_intercept", "n_features_in_", "_target_shape"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(
                    f"readouts to be added must agree in {name.strip('_')}: {mine!r} and {theirs!r}"
                )
        total = copy.deepcopy(self)
        total._rows.merge(other._rows)
        total._forget(_SOLUTION)
        return total

    def __radd__(self, other):
        """Let ``sum(readouts)`` begin with 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def predict(self, X):
        """Return c + X b.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            float64.
        """
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        with OneBlasThread(X.shape[1]):
            return X @ self.coef_.T + self.intercept_

    # ----------------------------------------------------------------------------------------------- machinery

    def __getattr__(self, name):
        """Solve, when a solution is asked for that `partial_fit` and `+` have put off."""
        if name in _SOLUTION and "_rows" in vars(self) and "coef_" not in vars(self):
            self._solve(self._rows)
            return getattr(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _forget(self, names):
        for name in names:
            self.__dict__.pop(name, None)

    def _blocks_in_memory(self, X, y, sample_weight, reset=True):
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True, reset=reset)
        y = np.asarray(y, dtype=np.float64)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return RowBlocks.of_arrays(X, y, sample_weight)

    def _penalties(self, rows_can_be_read_again):
        """Return all penalties asked for, and by what to choose among them: "loo", "gcv" or None."""
        if self.alphas is None:
            return np.array([self.alpha], dtype=np.float64), None
        if self.alpha != _ALPHA:
            raise ValueError(f"alpha={self.alpha!r} and alphas were both given: drop one of them")
        alphas = np.asarray(self.alphas, dtype=np.float64)
        if alphas.ndim != 1 or alphas.size == 0 or not (np.isfinite(alphas) & (alphas >= 0)).all():
            raise ValueError(f"alphas={self.alphas!r} must be a list of at least one finite penalty >= 0")
        if self.selection == "loo" and not rows_can_be_read_again:
            raise ValueError(
                "selection='loo' reads the rows a second time, which partial_fit cannot: choose 'gcv' or 'auto', "
                "or fit or fit_stream"
            )
        if self.selection != "auto":
            return alphas, self.selection
        return alphas, "loo" if rows_can_be_read_again else "gcv"

    def _fit_blocks(self, blocks, make_penalties=None):
        self._forget((*_SOLUTION, "_rows"))
        alphas, _ = self._penalties(rows_can_be_read_again=True)
        penalties = make_penalties or tuple
        if self.solver == "auto":
            options = self.fit_intercept, alphas.min()
            rows, self.solver_reason_ = folded_as_needed(blocks, *options, penalties)
        else:
            rows = folded(self.solver, blocks, self.fit_intercept, make_penalties=penalties)
            self.solver_reason_ = "asked for"
        self.solver_ = "sums" if isinstance(rows, GramSums) else "svd"
        self.n_features_in_ = rows.n_features
        self._target_shape = blocks.target_shape
        self._solve(rows, blocks)
        return self

    def _solve(self, rows: CentredRows, blocks: RowBlocks | None = None) -> None:
        with OneBlasThread(rows.n_features):
            self._solve_path(rows, blocks)

    def _solve_path(self, rows: CentredRows, blocks: RowBlocks | None) -> None:
        alphas, criterion = self._penalties(rows_can_be_read_again=blocks is not None)
        path = ridge_path(rows, alphas, criterion)
        alpha = np.full(rows.n_targets, alphas[0])
        if criterion is not None:
            scores = (
                path.gcv(alphas)
                if blocks is None or criterion == "gcv"
                else leave_one_out(path, blocks, alphas)
            )
            self.alphas_path_, self.scores_path_, self.selection_ = alphas, scores, criterion
            alpha = _best(alphas, scores, rows.n_rows)
        coef, intercept = self._solution(path, rows, alpha)
        if self.store_path and self.alphas is not None:
            pairs = [self._solution(path, rows, np.full(rows.n_targets, value)) for value in alphas]
            self.coef_path_, self.intercept_path_ = (np.array(values) for values in zip(*pairs))
        flat = self._target_shape == ()
        self.alpha_ = float(alpha[0]) if flat else alpha
        self.intercept_ = float(intercept[0]) if flat else intercept
        self.coef_ = coef[0] if flat else coef

    @staticmethod
    def _solution(path, rows, alpha):
        coef = np.ascontiguousarray(path.coefficients(alpha).T)
        return coef, rows.mean_y - coef @ rows.mean_x


def _best(alphas: np.ndarray, scores: np.ndarray, n_rows: int) -> np.ndarray:
    """Return the penalty of the lowest score of each target, the largest among equals."""
    order = np.argsort(-alphas, kind="stable")
    ranked = np.where(np.isnan(scores), np.inf, scores)[order]
    if not np.isfinite(ranked.min(axis=0)).all():
        raise ValueError(
            f"n_samples = {n_rows} leaves no row to judge alphas by: give one alpha, or more rows"
        )
    return alphas[order][ranked.argmin(axis=0)]
