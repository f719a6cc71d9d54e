"""How a forecaster reads exogenous variables, contexts, the calendar and missing values."""

from typing import Any

from forecasting.base.tags import ForecasterTags
from forecasting.series.arrays import read_exog, read_panel
from forecasting.series.calendar_features import with_calendar
from forecasting.series.contexts import check_same_ids, check_same_names


class InputReading:
    """The part of `Forecaster` that turns what users give into what the hooks get."""

    n_targets_: int
    n_features_in_: int
    exog_names_: tuple
    calendar_: tuple
    layout_: Any

    def _calendar(self) -> tuple:
        """Return the names of the calendar's features, whose columns the hooks get behind those of `X`."""
        return ()

    def _unknown_ahead(self) -> tuple:
        """Return the columns of `X` that forecasts do not look at in the future, where they may be missing."""
        return ()

    def _has_model_of_each(self) -> bool:
        """Tell whether a context must hold the series of the fit, each of which has a model of its own."""
        return not self._forecaster_tags().accepts_unseen

    def _missing(self) -> Any:
        """Return the rule that fills missing observations, None to refuse them."""
        return None

    def _forecaster_tags(self) -> ForecasterTags:
        raise NotImplementedError

    def _with_calendar(self, exog, layout, lengths, *, future):
        """Set the columns of the calendar that was learned from behind those of `X`."""
        return with_calendar(exog, self.calendar_, layout, lengths, future=future)

    def _read_training_exog(self, X, panel):
        if X is None:
            return None, ()
        if not self._forecaster_tags().uses_exog:
            raise ValueError(
                f"{type(self).__name__} does not use exogenous variables: leave X out, and columns beside "
                "unique_id, ds, y in a long frame"
            )
        return read_exog(X, panel.layout, panel.lengths, future=False)

    def read_future_exog(self, X, layout, lengths, *, observed=False):
        """Read what follows the training series: steps to forecast, or those that have been ``observed``."""
        exog = None
        if self._needs_exog(X, "those of y" if observed else "those ahead"):
            n_ahead = 0 if observed else max(lengths)
            exog = self._exog_like_training(X, layout, lengths, future=True, n_ahead=n_ahead)
        return self._with_calendar(exog, layout, lengths, future=True)

    def _read_context(self, context):
        panel = read_panel(context, "context", self._missing())
        if panel.values[0].shape[1] != self.n_targets_:
            raise ValueError(
                f"context has {panel.values[0].shape[1]} column(s), but the forecaster was fitted on "
                f"{self.n_targets_}"
            )
        check_same_names(panel.layout, self.layout_, "context")
        if self._has_model_of_each():
            check_same_ids(panel.layout, self.layout_, "context")
        return panel

    def _read_context_exog(self, X, panel, n_steps):
        """Split `X`, which covers the context and then the horizon."""
        layout = panel.layout.advance([n_steps] * len(panel.values))
        lengths = [n + n_steps for n in panel.lengths]
        exog = None
        if self._needs_exog(X, "those of context and then those ahead"):
            exog = self._exog_like_training(X, layout, lengths, future=False, n_ahead=n_steps)
        exog = self._with_calendar(exog, layout, lengths, future=False)
        if exog is None:
            return None, None
        pairs = [(values[:n], values[n:]) for values, n in zip(exog, panel.lengths)]
        return [past for past, _ in pairs], [future for _, future in pairs]

    def _exog_like_training(self, X, layout, lengths, *, future, n_ahead):
        return read_exog(
            X,
            layout,
            lengths,
            future=future,
            n_features=self.n_features_in_,
            names=self.exog_names_,
            unknown=self._unknown_ahead(),
            n_ahead=n_ahead,
        )[0]

    def _needs_exog(self, X, steps):
        """Tell whether `X` is to be read; raise if it is missing or not wanted."""
        if X is None and self.n_features_in_:
            raise ValueError(
                f"the forecaster was fitted with X of {self.n_features_in_} column(s): pass X of the steps needed "
                f"here too, {steps}"
            )
        if X is not None and not self.n_features_in_:
            raise ValueError("the forecaster was fitted without X: leave X out, or fit with it")
        return X is not None
