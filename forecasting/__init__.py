"""Time-series forecasting: reservoirs, recurrent networks and classical baselines behind one ``fit`` / ``predict``."""
