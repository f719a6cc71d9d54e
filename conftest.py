"""Modules that need another library are collected only where it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("sktime") else ["forecasting/interop/sktime.py"]
