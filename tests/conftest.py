"""What every test process is given before anything is imported."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "agg")
# Two workers with two BLAS threads each fight for two cores; small products gain nothing from threads.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

ROOT = Path(__file__).resolve().parents[1]

# Files that take four fifths of the time: they compile many kernels, train networks or start processes. The marker
# `slow` is theirs: `-m "not slow"` is for a quick look, `.ci/run` and `make test` run all.
SLOW = {
    "forecasting/networks/cells/fast_rnn.py",
    "forecasting/sequence_models/language_model.py",
    "tests/forecasting/checks/test_check_forecaster.py",
    "tests/forecasting/cli/test_models.py",
    "tests/forecasting/composition/test_conformal_forecaster.py",
    "tests/forecasting/networks/cells/test_cells.py",
    "tests/forecasting/recurrent/test_convolutional.py",
    "tests/forecasting/recurrent/test_window_forecaster.py",
    "tests/forecasting/reservoirs/test_local_field.py",
    "tests/forecasting/sequence_models/layers/test_free_runs.py",
    "tests/forecasting/sequence_models/test_sequence_models.py",
    "tests/forecasting/transforms/test_transforms.py",
    "tests/portability/test_portability.py",
    "tests/reservoir/kernels/test_compilation.py",
    "tests/reservoir/kernels/test_dynamics.py",
    "tests/reservoir/kernels/test_products.py",
    "tests/reservoir/reservoirs/test_base_composition.py",
    "tests/reservoir/reservoirs/test_base_reservoir.py",
    "tests/reservoir/reservoirs/test_edge_of_stability.py",
    "tests/reservoir/test_sklearn_contract.py",
    "tests/test_documentation.py",
}


def pytest_collection_modifyitems(items):
    """Mark the tests of slow files."""
    for item in items:
        if item.path.is_relative_to(ROOT) and item.path.relative_to(ROOT).as_posix() in SLOW:
            item.add_marker(pytest.mark.slow)
