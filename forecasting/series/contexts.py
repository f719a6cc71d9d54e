"""What a context shares with the series of the fit: the names of columns, and those of series with own models."""

from forecasting.series.arrays import PanelLayout


def check_same_names(layout: PanelLayout, fitted: PanelLayout, argument: str) -> None:
    """Raise if frames name other columns than those of the fit, or in another order."""
    names = fitted.parts[0].names
    for i, part in enumerate(layout.parts):
        if part.kind == fitted.parts[0].kind == "frame" and part.names != names:
            raise ValueError(
                f"{argument}{layout.label(i)} has the columns {list(part.names)}, expected {list(names)} as in fit"
            )


def check_same_ids(layout: PanelLayout, fitted: PanelLayout, argument: str) -> None:
    """Raise if a long frame holds other series than that of the fit, or in another order."""
    if layout.ids and fitted.ids and layout.ids != fitted.ids:
        raise ValueError(
            f"{argument} has the series {list(layout.ids)}, expected {list(fitted.ids)} as in fit: each has a model "
            "of its own"
        )
