"""The matrix: one row is a way in which another machine differs from this one."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

# What depends on the processor: compiled code, products, solvers, and everything trained with them.
NUMERIC = ("tests/reservoir", "tests/forecasting/networks", "tests/forecasting/sequence_models")
# A few minutes' choice of it, for every change.
QUICK = (
    "tests/reservoir/kernels",
    "tests/reservoir/test_vecmath.py",
    "tests/reservoir/test_dynamics.py",
    "tests/reservoir/test_readout.py",
    "tests/reservoir/test_esn.py",
    "tests/forecasting/test_check_forecaster.py",
    "tests/forecasting/test_ensemble.py",
    "tests/forecasting/test_reservoir_model.py",
    "-k",
    "not (test_contract and (lstm or gru))",
)
CALENDARS = (
    "tests/forecasting",
    "--ignore=tests/forecasting/networks",
    "--ignore=tests/forecasting/sequence_models",
)
PANDAS = tuple(
    f"tests/forecasting/test_{name}.py"
    for name in (
        "backtesting",
        "base",
        "cli",
        "cli_models",
        "csv_series",
        "gaps",
        "polars",
        "seasons",
        "series",
    )
)
UNWRITABLE = (
    "tests/reservoir/kernels/test_compilation.py",
    "tests/reservoir/test_signals.py",
    "tests/forecasting/test_baselines.py",
    "tests/forecasting/test_metrics.py",
)
ARM = (
    "tests/reservoir/test_vecmath.py",
    "tests/reservoir/kernels",
    "tests/reservoir/test_dynamics.py",
    "tests/reservoir/test_readout.py",
    "tests/forecasting/networks/test_cells.py",
    "tests/forecasting/test_local_reservoir_model.py",
    "--deselect=tests/reservoir/kernels/test_compilation.py",
)


class Row(NamedTuple):
    """One way in which another machine differs.

    Attributes
    ----------
    about : str
        What is different, for the report.
    environment : dict of str to str
        Environment variables.
    arguments : tuple of str
        Of pytest; () is the whole suite.
    install : tuple of str, optional
        Arguments of ``pip install`` for a virtual environment of its own; by default the one that runs this.
    python : str
        Version of Python for that environment, such as "3.10"; "" is the one that runs this.
    place : {"here", "unusual path", "read-only"}
        Where the sources are.
    """

    about: str
    environment: Mapping[str, str] = MappingProxyType({})
    arguments: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    python: str = ""
    place: str = "here"


def numpy_features() -> str:
    """Return the names of all vector instructions that NumPy would choose here beyond its baseline."""
    from numpy._core import _multiarray_umath as numpy_core

    return " ".join(name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__.get(name))


def processor(numba: str, blas: str) -> dict[str, str]:
    """Return the environment in which numba and OpenBLAS compute as for another processor."""
    return {"NUMBA_CPU_NAME": numba, "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": blas}


def oldest() -> tuple[str, ...]:
    """Return the lowest versions that pyproject.toml allows."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    required = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    bounds = re.findall(r'"([\w-]+)>=([\d.]+)"', required) + re.findall(r'"(matplotlib)>=([\d.]+)"', text)[:1]
    return (".[dev]", *(f"{name}=={version}" for name, version in bounds))


def matrix() -> dict[str, Row]:
    """Return all rows by name."""
    return {
        "this machine": Row("nothing: the machine and the versions as they are"),
        "generic": Row("any x86-64 processor: no AVX", processor("generic", "Prescott")),
        "haswell": Row("AVX2, no AVX-512", processor("haswell", "Haswell")),
        "skylake-x": Row("AVX-512 of Intel", processor("skylake-avx512", "SkylakeX")),
        "zen": Row("BLAS kernels of AMD Zen", {"OPENBLAS_CORETYPE": "Zen"}, NUMERIC),
        "numpy baseline": Row(
            "NumPy without vector instructions", {"NPY_DISABLE_CPU_FEATURES": numpy_features()}, NUMERIC
        ),
        "two BLAS threads": Row(
            "BLAS with 2 threads", {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}, NUMERIC
        ),
        "shuffled": Row("tests in another order", {}, ("-p", "tests.portability.shuffled")),
        "Kathmandu": Row("time zone Asia/Kathmandu", {"TZ": "Asia/Kathmandu"}, CALENDARS),
        "C locale": Row("LC_ALL=C", {"LC_ALL": "C", "LANG": "C"}, CALENDARS),
        "unusual path": Row("a path with spaces and non-ASCII letters", {}, UNWRITABLE, place="unusual path"),
        "read-only": Row(
            "a read-only checkout and no home",
            {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"},
            UNWRITABLE,
            place="read-only",
        ),
        "pandas 2": Row("pandas 2", install=(".[dev]", "pandas<3")),
        "oldest": Row("the oldest versions allowed", install=oldest()),
        "Python 3.10": Row("Python 3.10, pandas 2", install=(".[dev]",), python="3.10"),
        "Python 3.13": Row("Python 3.13", arguments=QUICK, install=(".[dev]",), python="3.13"),
        "arm64": Row("64-bit ARM, emulated by qemu", arguments=ARM),
        # What `.ci/run` adds to the suite.
        "fast haswell": Row("as haswell, a part", processor("haswell", "Haswell"), QUICK),
        "fast pandas 2": Row("as pandas 2, a part", {}, PANDAS, (".[dev]", "pandas<3")),
    }


FAST = ("fast haswell", "fast pandas 2", "read-only")


def find_python(version: str) -> str:
    """Return the path of an interpreter, "" if this machine has none of that version."""
    if not version:
        return sys.executable
    managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = shutil.which(f"python{version}")
    return str(managed[-1]) if managed else (found or "")


def why_not(row: Row) -> str:
    """Return the reason why a row cannot run on this machine, "" if it can."""
    if not find_python(row.python):
        return f"no Python {row.python} on this machine"
    if "NUMBA_CPU_NAME" in row.environment and platform.machine().lower() not in ("x86_64", "amd64"):
        return f"needs an x86-64 processor, and this is {platform.machine()}"
    wide = row.environment.get("NUMBA_CPU_NAME", "").startswith("skylake")
    if wide and "avx512f" not in _processor_flags():
        return "needs a processor with AVX-512"
    if row.arguments is ARM and not (shutil.which("qemu-aarch64-static") or platform.machine() == "aarch64"):
        return "needs qemu-aarch64-static (Debian: qemu-user-static)"
    if row.place == "read-only" and os.name != "posix":
        return "needs the permissions of a POSIX file system"
    return ""


def _processor_flags() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def unpack(place: str, folder: Path, copy: Callable[[Path], None]) -> Path:
    """Return the folder of the sources for a row."""
    if place == "here":
        return ROOT
    name = "Größe mit Leerzeichen ü" if place == "unusual path" else "read-only"
    target = folder / name
    copy(target)
    return target
