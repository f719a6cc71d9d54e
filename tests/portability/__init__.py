"""The tests as other machines would run them, on one machine: ``python -m tests.portability``."""
