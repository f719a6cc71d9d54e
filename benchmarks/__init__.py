"""Speed and accuracy, each beside other libraries or published figures: ``python -m benchmarks``."""
