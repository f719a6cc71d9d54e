"""Series as people have them (NumPy, pandas, Polars, panels, calendars) to arrays, and back."""

from forecasting.series.gaps import fill_gaps
from forecasting.series.season_length import find_season, season_of_frequency

__all__ = ["fill_gaps", "find_season", "season_of_frequency"]
