"""Ridge regression on any number of rows: sums in blocks, and every penalty from one decomposition."""
