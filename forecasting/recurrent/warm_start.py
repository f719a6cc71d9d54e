"""A training that goes on from the one before: what must have stayed as it was."""

from __future__ import annotations

from typing import Any

from forecasting.networks.parameters import arrays_of
from forecasting.recurrent.prediction import TrainedNetwork
from forecasting.recurrent.window_network import Network
from forecasting.series.arrays import PanelLayout


def continued(before: TrainedNetwork, network: Network, params: Any, reading: tuple) -> TrainedNetwork:
    """Return what the last fit learned, in a network that may drop other parts.

    Parameters
    ----------
    before : TrainedNetwork
    network : Network
        As the settings describe it now.
    params : Parameters
        First ones of that network.
    reading : tuple
        Centre, scale and ``past_only``, as the settings describe them now.

    Raises
    ------
    ValueError
        If the settings mean another kind of network, or windows read otherwise.
    """
    if reading != (before.centre, before.scale, before.past_only):
        raise ValueError(
            f"warm_start=True goes on from windows read with (centre, scale, past_only) = "
            f"{(before.centre, before.scale, before.past_only)}, but these settings mean {reading}: keep "
            "window_centre, window_scale and past_only, or set warm_start=False"
        )
    shapes, wanted = ([array.shape for array in arrays_of(tree)] for tree in (before.params, params))
    if shapes != wanted or not _same_kind(network, before.network):
        old, new = (
            f"strategy={net.strategy!r}, linear_skip={net.linear_skip!r}, {net.stack!r} and {net.head!r}"
            for net in (before.network, network)
        )
        raise ValueError(
            f"warm_start=True goes on from {old}, parameters of shapes {shapes}, but these settings mean {new}, "
            f"shapes {wanted}: keep them, or set warm_start=False"
        )
    return before._replace(network=network)


def _same_kind(one: Network, other: Network) -> bool:
    """Whether two networks with parameters of the same shapes do the same with them."""
    alike = [
        (repr(net.stack.cell), net.stack.residual, net.strategy, net.linear_skip, type(net.head))
        for net in (one, other)
    ]
    return alike[0] == alike[1]


def check_same_meaning(forecaster: Any, layout: PanelLayout, exog_names: tuple) -> None:
    """Raise if a training that goes on would take the columns of the fit before for others, by their names."""
    y, before = (of.parts[0] for of in (layout, forecaster.layout_))
    pairs = {
        "columns of y": (before.names, y.names) if before.kind == y.kind == "frame" else ((), ()),
        "columns of X": (forecaster.exog_names_, exog_names),
        "calendar": (forecaster.calendar_, forecaster._calendar()),
    }
    for what, (old, new) in pairs.items():
        if old and new and old != new:
            raise ValueError(
                f"warm_start=True goes on from {what} {list(old)}, got {list(new)}: keep them and their order, or "
                "set warm_start=False"
            )
