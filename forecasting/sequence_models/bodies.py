"""What the estimators are made of: recurrent layers from a few words."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells import CELLS, Cell
from forecasting.sequence_models.layers.base_layer import SIZE, Layer, Recurrent
from forecasting.sequence_models.layers.combinators import Dropout
from forecasting.sequence_models.layers.combinators import bidirectional as both_ways

N_UNITS = 32

# Constraints of the parameters that `make_cell` and `recurrent_layers` read.
CELL: dict[str, Any] = {
    "cell": [StrOptions(set(CELLS)), Cell],
    "n_units": [Interval(Integral, 1, None, closed="left"), None],
}
BODY: dict[str, Any] = {
    **CELL,
    "cell": [*CELL["cell"], Layer],
    "n_layers": SIZE,
    "bidirectional": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
}


def make_cell(cell: Any, n_units: int | None) -> Cell:
    """Return a cell from its name and size, or a copy of one.

    Parameters
    ----------
    cell : str or Cell
    n_units : int, optional
        For a name; default 32.

    Returns
    -------
    Cell

    Raises
    ------
    ValueError
        If a cell with its own size and another size are given.

    Examples
    --------
    >>> make_cell("gru", 8)
    GRU(n_units=8)
    """
    if isinstance(cell, str):
        return CELLS[cell](n_units=N_UNITS if n_units is None else n_units)
    if n_units is not None:
        raise ValueError(f"cell={cell!r} brings its own size: leave out n_units={n_units}")
    return clone(cell)


def recurrent_layers(
    cell: Any, n_units: int | None, n_layers: int = 1, bidirectional: bool = False, dropout: float = 0.0
) -> list[Layer]:
    """Return recurrent layers, with dropout between them and after the last.

    Parameters
    ----------
    cell : str, Cell or Layer
        A layer stands for itself.
    n_units : int, optional
    n_layers : int, default=1
    bidirectional : bool, default=False
        Each layer forwards beside its like backwards, outputs joined.
    dropout : float, default=0.0

    Returns
    -------
    list of Layer
    """
    if isinstance(cell, Layer) and n_units is not None:
        raise ValueError(f"cell={cell!r} brings its own size: leave out n_units={n_units}")
    layers: list[Layer] = []
    for _ in range(n_layers):
        layer = clone(cell) if isinstance(cell, Layer) else Recurrent(make_cell(cell, n_units))
        layers.append(both_ways(layer) if bidirectional else layer)
        if dropout:
            layers.append(Dropout(dropout))
    return layers
