"""Rows of a regression folded away block by block, centred exactly, in memory that does not grow with rows.

Rows z = (x, y) with weights w. Those seen so far have total weight W_a and mean m_a, a new block W_b and m_b.
With d = m_b - m_a and W = W_a + W_b (Chan, Golub & LeVeque 1983),

    m = m_a + (W_b / W) d
    sum_{a,b} w (z - m)(z - m)' = sum_a w (z - m_a)(z - m_a)' + sum_b w (z - m_b)(z - m_b)' + (W_a W_b / W) d d'

so the block's own centred rows sqrt(w) (z - m_b), with one more row sqrt(W_a W_b / W) d below them, carry
everything, and nothing ever cancels. What these rows are folded into is the subclass's choice: their sums
X'X, X'y, y'y (`GramSums`, fast), or the triangle R of X = QR with Q'y (`TriangularFactor`, which keeps the
digits that X'X loses: R has the singular values of X, X'X their squares).

References
----------
T. F. Chan, G. H. Golub and R. J. LeVeque (1983). Algorithms for computing the sample variance: analysis and
recommendations. The American Statistician 37(3), 242-247.
G. H. Golub and C. F. Van Loan (2013). Matrix Computations, 4th ed., Johns Hopkins, sections 5.2 and 6.1.
"""

import copy
from typing import Literal

import numpy as np
from scipy.linalg.lapack import dtpmqrt, dtpqrt

from reservoir.kernels.gram import PANEL, add_gram, pack, sum_of_squares
from reservoir.kernels.threads import OneBlasThread

_NO_ROOTS = np.empty(0)
EPS = float(np.finfo(np.float64).eps)


class CentredRows:
    """Weight, means and number of the rows seen; their centred values are folded by the subclass.

    Parameters
    ----------
    n_features, n_targets : int
        Widths of ``X`` and ``y``.
    centre : bool, default=True
        False leaves the means at zero: a fit without intercept.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    n_penalties : int
        Number of penalties.
    weight : float
        Sum of the weights.
    mean_x, mean_y : ndarray of shape (n_features,) and (n_targets,)
        Weighted means.
    """

    def __init__(self, n_features: int, n_targets: int, centre: bool = True):
        self.n_features = n_features
        self.n_targets = n_targets
        self.centre = centre
        self.n_rows = 0
        self.n_penalties = 0
        self.weight = 0.0
        self.mean_x = np.zeros(n_features)
        self.mean_y = np.zeros(n_targets)

    def add(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Fold a block of rows, ``X`` (n, n_features) and ``y`` (n, n_targets), weights > 0; all are copied from.

        Raises ValueError, with nothing added, if a value is not finite.
        """
        total = float(len(X) if weight is None else weight.sum())
        with np.errstate(invalid="ignore"):
            sums = [_column_sums(rows, weight) for rows in (X, y)]
        for name, values in zip("Xy", sums):  # NaN and infinity reach the sum of their column
            if not np.isfinite(values).all():
                raise ValueError(f"{name} contains NaN or infinity: repair or drop these rows")
        mean_x, mean_y = (values / total if self.centre else 0.0 * values for values in sums)
        step_x, step_y = self._advance(len(X), total, mean_x, mean_y)
        roots = _NO_ROOTS if weight is None else np.sqrt(weight)
        self._fold(X, y, roots, (mean_x, mean_y), (step_x, step_y))

    def writable(self) -> "CentredRows":
        """Return itself, or a copy where its arrays may only be read, as those of a memory map."""
        arrays = [value for value in vars(self).values() if isinstance(value, np.ndarray)]
        return self if all(array.flags.writeable for array in arrays) else copy.deepcopy(self)

    @property
    def n_equations(self) -> int:
        """Rows and penalties together."""
        return self.n_rows + self.n_penalties

    def penalise(self, rows: np.ndarray) -> None:
        """Add (g'b)^2 to the objective for every row g (n, n_features): no data, means and weight stay."""
        targets = np.zeros((len(rows), self.n_targets))
        nothing = np.zeros(self.n_features), np.zeros(self.n_targets)
        self._fold(rows, targets, _NO_ROOTS, nothing, nothing)
        self.n_penalties += len(rows)

    def merge(self, other: "CentredRows") -> None:
        """Fold what another object of the same kind has seen."""
        raise NotImplementedError

    def centred(self, X, y, weight=None):
        """Return sqrt(w) (x - mean_x), sqrt(w) (y - mean_y) and the mean's own leverages w / W of some rows."""
        n_rows = len(X)
        leverages = np.full(n_rows, 1 / self.weight) if weight is None else weight / self.weight
        rows_x, rows_y = X - self.mean_x, y - self.mean_y
        if weight is not None:
            root = np.sqrt(weight)[:, np.newaxis]
            rows_x *= root
            rows_y *= root
        return rows_x, rows_y, leverages * self.centre

    def _advance(self, n_rows, total, mean_x, mean_y):
        """Move weight and means; return the row that carries the distance of the two means."""
        root = np.sqrt(self.weight * total / (self.weight + total))
        share = total / (self.weight + total)
        shift_x, shift_y = mean_x - self.mean_x, mean_y - self.mean_y
        self.mean_x = self.mean_x + share * shift_x
        self.mean_y = self.mean_y + share * shift_y
        self.n_rows += n_rows
        self.weight += total
        return root * shift_x, root * shift_y

    def _fold(self, X: np.ndarray, y: np.ndarray, roots: np.ndarray, means: tuple, below: tuple) -> None:
        """Take in ``roots * (rows - mean)``, and one more row below, of X and of y; no roots are ones."""
        raise NotImplementedError


class GramSums(CentredRows):
    """Centred sums X'X, X'y, y'y: one symmetric rank-k update per block, at the speed of the machine.

    Attributes
    ----------
    sums : ndarray of shape (n_panels * PANEL, n_panels * PANEL)
        Z'Z of the columns Z = [X, y], upper triangle, beside what `reservoir.kernels.gram` leaves around it.
    """

    def __init__(self, n_features: int, n_targets: int, centre: bool = True):
        super().__init__(n_features, n_targets, centre)
        self.n_panels = -(-(n_features + n_targets) // PANEL)
        self.sums = np.zeros((self.n_panels * PANEL, self.n_panels * PANEL))
        self._panels = np.empty((0, 0, PANEL))

    def __getstate__(self):
        """Leave the workspace at home."""
        return {**self.__dict__, "_panels": np.empty((0, 0, PANEL))}

    @property
    def gram(self) -> np.ndarray:
        """X'X, lower triangle, zeros above, in Fortran's order (n_features, n_features)."""
        return np.tril(self.sums[: self.n_features, : self.n_features].T)

    @property
    def cross(self) -> np.ndarray:
        """X'y (n_features, n_targets)."""
        return self.sums[: self.n_features, self.n_features :][:, : self.n_targets]

    @property
    def squares(self) -> np.ndarray:
        """Diagonal of y'y (n_targets,)."""
        return self.sums.diagonal()[self.n_features :][: self.n_targets]

    @property
    def noise(self) -> float:
        """Size of the rounding error of X'X, n_features * eps * ||X'X||_F: it can only grow with more rows."""
        return self.n_features * EPS * float(np.sqrt(sum_of_squares(self.sums, self.n_features)))

    def carries(self, alpha: float) -> bool:
        """Tell whether a penalty lies above the rounding error of X'X."""
        if alpha > self.n_features * EPS * float(self.sums.diagonal()[: self.n_features].sum()):
            return True  # ||X'X||_F is no larger than the trace, which costs less
        return alpha > self.noise

    def merge(self, other: CentredRows) -> None:
        """Fold what another object of the same kind has seen."""
        assert isinstance(other, GramSums)
        steps = self._advance(other.n_rows, other.weight, other.mean_x, other.mean_y)
        self.sums += other.sums
        nothing = np.empty((0, self.n_features)), np.empty((0, self.n_targets))
        self._fold(*nothing, _NO_ROOTS, (self.mean_x, self.mean_y), steps)

    def _fold(self, X, y, roots, means, below):
        if self._panels.shape[1] != len(X) + 1:
            self._panels = np.zeros((self.n_panels, len(X) + 1, PANEL))
        pack(self._panels, 0, X, means[0], roots, below[0])
        pack(self._panels, self.n_features, y, means[1], roots, below[1])
        add_gram(self.sums, self._panels)


class TriangularFactor(CentredRows):
    """R of the centred X = QR, Q'y, and the squares of the part of y that lies outside.

    The first rows are kept as they are, until there are as many as a triangle has; from then on every block is
    rotated into the triangle (Householder reflections of the triangle stacked upon the block, LAPACK's tpqrt).

    Attributes
    ----------
    factor : ndarray of shape (at most n_features, n_features)
        Centred rows, or the triangle: in both cases factor' factor = X'X.
    target : ndarray of shape (len(factor), n_targets)
        Centred rows of y, or Q'y.
    outside : ndarray of shape (n_targets,)
        Sum of squares of y that no x reaches.
    """

    panel = 32  # columns reflected at once; 16 to 64 differ little

    def __init__(self, n_features: int, n_targets: int, centre: bool = True):
        super().__init__(n_features, n_targets, centre)
        self.factor = np.empty((0, n_features), order="F")
        self.target = np.empty((0, n_targets), order="F")
        self.outside = np.zeros(n_targets)

    def merge(self, other: CentredRows) -> None:
        """Fold what another object of the same kind has seen."""
        assert isinstance(other, TriangularFactor)
        steps = self._advance(other.n_rows, other.weight, other.mean_x, other.mean_y)
        self.outside += other.outside
        n_triangular = len(other.factor) if len(other.factor) == self.n_features else 0
        rows = np.vstack([steps[0], other.factor]), np.vstack([steps[1], other.target])
        self._rotate(*rows, n_triangular=n_triangular)

    def resolves(self, alpha: float) -> bool:
        """Whether it is a triangle, and a penalty above its rounding noise: no direction need be left out then."""
        if len(self.factor) < self.n_features:
            return False
        noise = EPS * max(self.n_equations, self.n_features) * np.linalg.norm(self.factor)
        return bool(np.sqrt(alpha) > noise)

    def damped(self, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the triangle and the target of the rows with ``sqrt(alpha) I`` below them, and zeros."""
        below = np.asfortranarray(np.sqrt(alpha) * np.eye(self.n_features))
        own = copy.copy(self)
        own.factor, own.target, own.outside = (
            self.factor.copy("F"),
            self.target.copy("F"),
            self.outside.copy(),
        )
        own._rotate(below, np.zeros(self.target.shape), n_triangular=self.n_features)
        return own.factor, own.target

    def _fold(self, X, y, roots, means, below):
        parts = zip((X, y), means, below)
        rows_x, rows_y = (_centred(rows, mean, roots, last, order="F") for rows, mean, last in parts)
        self._rotate(rows_x, rows_y)

    def _rotate(self, rows_x: np.ndarray, rows_y: np.ndarray, n_triangular: int = 0) -> None:
        """Take in centred rows, the last of which may form a triangle; they may be overwritten."""
        if len(self.factor) < self.n_features:  # still rows
            rows_x, rows_y = np.vstack([self.factor, rows_x]), np.vstack([self.target, rows_y])
            if len(rows_x) < self.n_features:
                self.factor, self.target = rows_x, rows_y
                return
            self.factor = np.zeros((self.n_features, self.n_features), order="F")
            self.target = np.zeros((self.n_features, self.n_targets), order="F")
        with OneBlasThread(self.n_features):
            self._reflect(n_triangular, rows_x, rows_y)

    def _reflect(self, n_triangular: int, rows_x: np.ndarray, rows_y: np.ndarray) -> None:
        self.factor, reflectors, scales, _ = dtpqrt(
            n_triangular,
            min(self.panel, self.n_features),
            self.factor,
            np.asfortranarray(rows_x),
            overwrite_a=1,
            overwrite_b=1,
        )
        self.target, rows_y, _ = dtpmqrt(
            n_triangular,
            reflectors,
            scales,
            self.target,
            np.asfortranarray(rows_y),
            trans="T",
            overwrite_a=1,
            overwrite_b=1,
        )
        self.outside += np.einsum("ij,ij->j", rows_y, rows_y)


def _centred(
    rows: np.ndarray, mean: np.ndarray, roots: np.ndarray, last: np.ndarray, order: Literal["C", "F"]
) -> np.ndarray:
    """``roots * (rows - mean)`` with ``last`` below, a copy."""
    out = np.empty((len(rows) + 1, rows.shape[1]), order=order)
    np.copyto(out[:-1], rows)  # before subtracting: it walks along the columns of a Fortran array
    out[:-1] -= mean
    if len(roots):
        out[:-1] *= roots[:, np.newaxis]
    out[-1] = last
    return out


def _column_sums(rows: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    if weight is None:
        return np.add.reduce(rows, axis=0, dtype=np.float64)
    return np.einsum("i,ij->j", weight, rows, dtype=np.float64)
