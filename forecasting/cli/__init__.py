"""The ``forecast`` command."""

from forecasting.cli.command import main

__all__ = ["main"]
