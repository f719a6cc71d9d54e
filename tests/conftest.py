"""What every test process is given before anything is imported."""

import os

os.environ.setdefault("MPLBACKEND", "agg")
# Two workers with two BLAS threads each fight for two cores; small products gain nothing from threads.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
