"""Compiled kernels are cached between runs, in a folder named by a hash of the sources.

numba stamps a cached kernel with its own file only; a change in another file whose function was inlined
would go unnoticed (see docs/design.md).
"""

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _hash_of_sources() -> str:
    digest = hashlib.sha256()
    for package in ("reservoir", "forecasting"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / f"numba-{_hash_of_sources()}"))
os.environ.setdefault("MPLBACKEND", "agg")
# Two workers with two BLAS threads each fight for two cores; small products gain nothing from threads.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
