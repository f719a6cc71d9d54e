"""Sums Z'Z of a block of rows, from its columns packed into panels.

A panel holds PANEL columns of all rows of the block, one row after the other. The product of two panels is one
call of ``add_product`` on memory that lies together; the panels on the right come from the first cache, those on the
left from the second.
"""

from functools import partial

from reservoir.kernels.compilation import compiled
from reservoir.kernels.products import add_product
from reservoir.kernels.threads import blas_threads, in_threads

PANEL = 16  # columns: two rows of register tiles on the left, whole vectors on the right
_LEFT = 8  # panels on the left at a time
_WORTH_THREADS = 1e6  # numbers in the panels times panels; below it, threads cost more than they save


@compiled(arithmetic="elementwise")
def pack(panels, first, rows, mean, roots, last):
    """Write ``roots * (rows - mean)`` with ``last`` below into the columns of the panels from ``first`` on.

    Parameters
    ----------
    panels : array of shape (n_panels, n_rows + 1, PANEL)
    first : int
    rows : array of shape (n_rows, n_columns)
    mean, last : array of shape (n_columns,)
    roots : array of shape (n_rows,) or (0,)
        Square roots of weights; none are ones.
    """
    n_rows, n_columns = rows.shape
    done = 0
    while done < n_columns:
        p, lane = divmod(first + done, PANEL)
        width = min(PANEL - lane, n_columns - done)
        panel = panels[p, :, lane : lane + width]
        centre = mean[done : done + width]
        panel[n_rows] = last[done : done + width]
        for i in range(n_rows):
            source, target = rows[i, done : done + width], panel[i]
            for j in range(width):
                target[j] = source[j] - centre[j]
            if len(roots):
                for j in range(width):
                    target[j] *= roots[i]
        done += width


def add_gram(sums, panels):
    """``sums[panel p, panel q] += Z[:, panel p]' Z[:, panel q]`` for all q >= p.

    ``sums`` (n_panels * PANEL, n_panels * PANEL) then holds the upper triangle, and what else lies in the panels on
    the diagonal. Large products take as many threads as BLAS has; the result does not depend on it.
    """
    starts = range(0, len(panels), _LEFT)
    n_threads = min(blas_threads(), len(starts)) if panels.size * len(panels) > _WORTH_THREADS else 1
    in_threads(partial(_add_rows, sums, panels), starts, n_threads)


@compiled(arithmetic="strict")
def _add_rows(sums, panels, first):
    """Add the rows of _LEFT panels."""
    stop = min(first + _LEFT, len(panels))
    for q in range(first, len(panels)):
        for p in range(first, min(stop, q + 1)):
            tile = sums[p * PANEL : (p + 1) * PANEL, q * PANEL : (q + 1) * PANEL]
            add_product(tile, panels[p].T, panels[q])


@compiled
def sum_of_squares(sums, n):
    """Sum of the squares of the first ``n`` rows and columns of a symmetric matrix, read from the upper triangle."""
    above = on = 0.0
    for i in range(n):
        row = sums[i, i + 1 : n]
        for j in range(row.size):
            above += row[j] * row[j]
        on += sums[i, i] * sums[i, i]
    return 2 * above + on
