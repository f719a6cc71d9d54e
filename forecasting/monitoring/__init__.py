"""A stream watched: anomalies, and whether errors stop being alike."""

from forecasting.monitoring.drift import drift_test
from forecasting.monitoring.stream_monitor import StreamMonitor

__all__ = ["StreamMonitor", "drift_test"]
