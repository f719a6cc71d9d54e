"""Ridge regression for every penalty at once, from rows that were folded away; and how to choose among them.

With X = U diag(s) V' (centred rows times the roots of their weights), lambda = s^2 and g = U'y, each alpha has
the coefficients, the residuals and the degrees of freedom left

    b(alpha) = V diag(s / (lambda + alpha)) g
    y - X b  = (y - U g) + U diag(alpha / (lambda + alpha)) g
    n - df   = (n - 1 - rank) + sum_j alpha / (lambda_j + alpha)

(Hastie, Tibshirani & Friedman 2009, eqs. 3.47 and 3.50), and so the two criteria:

    leave-one-out   the error at row i of a fit without row i is (y_i - c - x_i'b) / (1 - h_i),
                    1 - h_i = (1 - w_i / W - sum_j u_ij^2) + sum_j u_ij^2 alpha / (lambda_j + alpha)
    GCV(alpha)      (||y - X b||^2 / W) / ((n - df) / n)^2

(eqs. 7.64 and 7.52; Golub, Heath & Wahba 1979). A path is built once; each further alpha costs little.

References
----------
T. Hastie, R. Tibshirani and J. Friedman (2009). The Elements of Statistical Learning, 2nd ed., Springer.
G. H. Golub, M. Heath and G. Wahba (1979). Generalized cross-validation as a method for choosing a good ridge
parameter. Technometrics 21(2), 215-223.
L. Eldén (1984). A note on the computation of the generalized cross-validation function for ill-conditioned
least squares problems. BIT 24, 467-472: it takes no more than a tridiagonal matrix.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.linalg import (
    LinAlgWarning,
    cho_factor,
    cho_solve,
    eigh,
    eigvalsh_tridiagonal,
    solve_triangular,
    svd,
)
from scipy.linalg.lapack import dormqr, dptsv, dsytrd, dsytrd_lwork

from reservoir.kernels.products import product
from reservoir.readouts.centred_rows import EPS, CentredRows, GramSums, TriangularFactor

# Features from which on one penalty is worth a road of its own. With fewer, singular values take less than a second,
# and one penalty gives the same digits as among others.
MANY = 1500


def ridge_path(rows: CentredRows, alphas: np.ndarray, criterion: str | None) -> Any:
    """Return the cheapest solution that answers what will be asked.

    Parameters
    ----------
    rows : GramSums or TriangularFactor
        What was folded.
    alphas : ndarray of shape (n_alphas,)
        All penalties that will be asked for.
    criterion : {"loo", "gcv", None}
        What is to choose among them.
    """
    if isinstance(rows, TriangularFactor):
        if criterion is None and rows.n_features > MANY and rows.resolves(float(alphas[0])):
            return TriangularSolution(rows)
        return SingularPath(rows)
    assert isinstance(rows, GramSums)
    if not rows.carries(float(alphas.min())):
        return EigenPath(rows, smallest_alpha=alphas.min())
    if criterion is None:
        return CholeskySolution(rows)
    return TridiagonalPath(rows) if criterion == "gcv" and rows.n_features > 2 else EigenPath(rows)


def leave_one_out(path: "SpectralPath", blocks: Iterable[tuple], alphas: np.ndarray) -> np.ndarray:
    """Return the weighted mean squared leave-one-out errors, (n_alphas, n_targets), of the rows read again."""
    rows = path.rows
    total = np.zeros((len(alphas), rows.n_targets))
    n_rows = 0
    for X, y, weight in blocks:
        rows_x, rows_y, own = rows.centred(X, y, weight)
        total += path.squared_loo_errors(rows_x, rows_y, own, alphas)
        n_rows += len(X)
    if n_rows != rows.n_rows:
        raise ValueError(
            f"make_blocks() yielded {n_rows} rows when called again, {rows.n_rows} at first: it must return a fresh "
            "iterator over the same rows at each call"
        )
    return total / rows.weight


def _gcv(residual_squares: np.ndarray, free: np.ndarray, rows: CentredRows) -> np.ndarray:
    """Return GCV scores from ||y - Xb||^2 (n_alphas, n_targets) and n - df (n_alphas,)."""
    scores = np.full(residual_squares.shape, np.inf)
    usable = free > 0
    scores[usable] = (
        residual_squares[usable] / rows.weight * (rows.n_equations / free[usable, np.newaxis]) ** 2
    )
    return scores


class SpectralPath:
    """Coefficients ``basis @ (projections * kept(alpha))`` and what follows from them.

    Attributes
    ----------
    basis : ndarray of shape (n_features, rank)
        Takes centred rows to the coordinates in which every penalty is diagonal.
    projections : ndarray of shape (rank, n_targets)
        The targets in these coordinates.
    """

    rows: Any
    basis: np.ndarray
    projections: np.ndarray

    def kept(self, alpha: np.ndarray) -> np.ndarray:
        """Return the factor of each projection (rank, n_alphas)."""
        raise NotImplementedError

    def coefficients(self, alpha: np.ndarray) -> np.ndarray:
        """Return b (n_features, n_targets) with a penalty per target."""
        return self.basis @ (self.projections * self.kept(alpha))

    def squared_loo_errors(
        self, rows_x: np.ndarray, rows_y: np.ndarray, own: np.ndarray, alphas: np.ndarray
    ) -> np.ndarray:
        """Return sums over some rows, (n_alphas, n_targets); ``own`` is the leverage w / W of the mean."""
        scores = product(rows_x, self.basis)
        room, offset, damping, floor = self._loo_terms(scores, rows_y, own, alphas)
        room = room[:, np.newaxis] + product(scores * scores, damping)
        sums = np.empty((len(alphas), rows_y.shape[1]))
        for target, projection in enumerate(self.projections.T):
            errors = offset[:, target, np.newaxis] + product(scores, projection[:, np.newaxis] * damping)
            # a row that alone decides a coefficient has no error without it
            errors = np.divide(errors, room, out=np.full_like(room, np.inf), where=room > floor)
            sums[:, target] = np.einsum("ij,ij->j", errors, errors)
        return sums

    def _loo_terms(self, scores, rows_y, own, alphas):
        """Return what does not depend on alpha in 1 - h and in the residuals, the damping, the least 1 - h."""
        raise NotImplementedError


class SingularPath(SpectralPath):
    """From the singular values of a triangle: accurate to rounding at every alpha, zero included.

    Singular values below max(n_rows, n_features) * eps * s_1 are rounding noise and taken for zero, so that
    alpha = 0 is the solution of least norm. When the rows can be met exactly, 1 - h and the residuals both
    vanish like alpha; it is cancelled, and alpha = 0 has the limit.
    """

    def __init__(self, rows: TriangularFactor):
        left, singular, right = svd(rows.factor, full_matrices=False, check_finite=False)
        rank = int(np.sum(singular > EPS * max(rows.n_equations, rows.n_features) * singular[0]))
        self.rows = rows
        self.eigenvalues = singular[:rank] ** 2
        self.basis = right[:rank].T / singular[:rank]
        self.projections = left[:, :rank].T @ rows.target
        self.free = rows.n_equations - rows.centre - rank
        self.interpolates = self.free <= 0
        missed = rows.target - left[:, :rank] @ self.projections
        self.outside = rows.outside + np.einsum("ij,ij->j", missed, missed)

    def kept(self, alpha):
        """Return lambda / (lambda + alpha)."""
        values = self.eigenvalues[:, np.newaxis]
        return values / (values + alpha)

    def _lost(self, alphas):
        """Return 1 - kept, or that over alpha when the rows can be met exactly."""
        return (1.0 if self.interpolates else alphas) / (self.eigenvalues[:, np.newaxis] + alphas)

    def gcv(self, alphas: np.ndarray) -> np.ndarray:
        """Return GCV scores (n_alphas, n_targets)."""
        lost = self._lost(alphas)
        squares = (lost * lost).T @ self.projections**2
        if self.interpolates:
            return _gcv(squares, lost.sum(axis=0), self.rows)
        return _gcv(squares + self.outside, self.free + lost.sum(axis=0), self.rows)

    def _loo_terms(self, scores, rows_y, own, alphas):
        lost = self._lost(alphas)
        if self.interpolates:
            return np.zeros(len(scores)), np.zeros(rows_y.shape), lost, 0.0
        room = 1 - own - np.einsum("ij,ij->i", scores, scores)
        return room, rows_y - scores @ self.projections, lost, self.rows.n_features * EPS


class EigenPath(SpectralPath):
    """From the eigenvectors of X'X: good where alpha lies above its rounding noise, or X'X is definite itself.

    Elsewhere the directions below the noise are left out, with a warning.
    """

    def __init__(self, rows: GramSums, smallest_alpha: float = np.inf):
        self.rows = rows
        self.eigenvalues, self.basis = eigh(rows.gram, lower=True, check_finite=False)
        if self.eigenvalues[0] + smallest_alpha <= rows.noise:
            warnings.warn(
                f"alpha={smallest_alpha:g} lies below the rounding noise of the sums, {rows.noise:.2g}: directions "
                "weaker than that are left out. Choose solver='svd' or a larger alpha",
                LinAlgWarning,
                stacklevel=2,
            )
            clear = self.eigenvalues > rows.noise
            self.eigenvalues, self.basis = self.eigenvalues[clear], self.basis[:, clear]
        self.projections = self.basis.T @ rows.cross

    def kept(self, alpha):
        """Return 1 / (lambda + alpha)."""
        return 1 / (self.eigenvalues[:, np.newaxis] + alpha)

    def gcv(self, alphas: np.ndarray) -> np.ndarray:
        """Return GCV scores (n_alphas, n_targets)."""
        kept, values = self.kept(alphas), self.eigenvalues[:, np.newaxis]
        explained = (kept * kept * (values + 2 * alphas)).T @ self.projections**2
        free = self.rows.n_equations - self.rows.centre - (values * kept).sum(axis=0)
        return _gcv(_residual_squares(self.rows, explained), free, self.rows)

    def _loo_terms(self, scores, rows_y, own, alphas):
        return 1 - own, rows_y, -self.kept(alphas), self.rows.n_features * EPS


class TridiagonalPath:
    """From X'X = Q T Q' with T tridiagonal: GCV and coefficients at a third of the cost of eigenvectors."""

    def __init__(self, rows: GramSums):
        size = rows.n_features
        work, _ = dsytrd_lwork(size, lower=1)
        reflectors, self.diagonal, self.beside, self.scales, _ = dsytrd(rows.gram, lower=1, lwork=int(work))
        self.rows = rows
        self.reflectors = np.asfortranarray(reflectors[1:, :-1])  # they act on all coordinates but the first
        self.projections = self._reflect(rows.cross, "T")
        self.eigenvalues = eigvalsh_tridiagonal(self.diagonal, self.beside, lapack_driver="sterf")

    def _reflect(self, vectors: np.ndarray, trans: str) -> np.ndarray:
        """Return Q'vectors ("T") or Q vectors ("N")."""
        work = 64 * vectors.shape[1]
        rest, _, _ = dormqr("L", trans, self.reflectors, self.scales, vectors[1:], work)
        return np.vstack([vectors[:1], rest])

    def _solve(self, alpha: float) -> np.ndarray:
        return dptsv(self.diagonal + alpha, self.beside, self.projections)[2]

    def gcv(self, alphas: np.ndarray) -> np.ndarray:
        """Return GCV scores (n_alphas, n_targets)."""
        explained = np.empty((len(alphas), self.rows.n_targets))
        for i, alpha in enumerate(alphas):
            solution = self._solve(alpha)
            explained[i] = np.einsum("ij,ij->j", solution, self.projections + alpha * solution)
        values = self.eigenvalues[:, np.newaxis]
        free = self.rows.n_equations - self.rows.centre - (values / (values + alphas)).sum(axis=0)
        return _gcv(_residual_squares(self.rows, explained), free, self.rows)

    def coefficients(self, alpha: np.ndarray) -> np.ndarray:
        """Return b (n_features, n_targets) with a penalty per target."""
        solution = np.empty(self.projections.shape)
        for value in np.unique(alpha):
            solution[:, alpha == value] = self._solve(value)[:, alpha == value]
        return self._reflect(solution, "N")


class TriangularSolution:
    """One alpha from the triangle of the rows with sqrt(alpha) I below: accurate as singular values are, and fast."""

    def __init__(self, rows: TriangularFactor):
        self.rows = rows

    def coefficients(self, alpha):
        """Return b (n_features, n_targets); the penalty is the same for all targets."""
        factor, target = self.rows.damped(float(alpha[0]))
        return solve_triangular(factor, target, check_finite=False)


class CholeskySolution:
    """One alpha from X'X + alpha I = L L'."""

    def __init__(self, rows: GramSums):
        self.rows = rows

    def coefficients(self, alpha: np.ndarray) -> np.ndarray:
        """Return b (n_features, n_targets); the penalty is the same for all targets."""
        size = self.rows.n_features
        gram = self.rows.sums[:size, :size].T.copy(order="F")  # only its lower triangle is looked at
        gram[np.diag_indices_from(gram)] += alpha[0]
        factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        return cho_solve(factor, self.rows.cross, check_finite=False)


def _residual_squares(rows: GramSums, explained: np.ndarray) -> np.ndarray:
    """Return y'y - explained; what is smaller than its rounding error counts as that error."""
    return np.maximum(rows.squares - explained, rows.n_features * EPS * rows.squares)
