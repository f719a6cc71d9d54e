"""The matrix: a row is a way in which another machine differs from this one."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.portability import places
from tests.portability.arm import emulated_arm
from tests.portability.places import Place, here, installation


def files(folder: str, *names: str) -> tuple[str, ...]:
    """Return the paths of test files."""
    return tuple(f"{folder}/test_{name}.py" for name in names)


# What a row runs, as arguments of pytest.
PARTS: dict[str, tuple[str, ...]] = {
    "all": (),
    # What depends on the processor: compiled code, products, solvers, and what is trained with them.
    "numeric": (
        *files(
            "tests/reservoir/kernels", "products", "lanes", "pointer_calls", "threads", "vecmath", "dynamics"
        ),
        *files("tests/reservoir/readouts", "ridge"),
        *files("tests/reservoir/topology", "spectrum"),
        *files("tests/forecasting/composition", "ensemble"),
        *files("tests/forecasting/reservoirs", "free_running"),
    ),
    # What depends on calendars, files, text and processes.
    "data": (
        "tests/forecasting/cli",
        "tests/forecasting/series",
        *files("tests/forecasting/backtesting", "run"),
        *files("tests/forecasting/base", "forecaster"),
        *files("tests/forecasting/datasets", "published"),
    ),
    "uncached": (
        *files("tests/reservoir/kernels", "compilation", "vecmath"),
        *files("tests/reservoir/signals", "maps"),
        *files("tests/forecasting/baselines", "naive"),
        *files("tests/forecasting/metrics", "metrics"),
    ),
    "emulated": (
        *files("tests/reservoir/kernels", "products", "lanes", "pointer_calls", "vecmath", "dynamics"),
        *files("tests/reservoir/readouts", "ridge"),
        *files("tests/forecasting/networks/cells", "cells"),
        *files("tests/forecasting/reservoirs", "local_field"),
    ),
    "interop": ("tests/forecasting/interop", "forecasting/interop"),
}
PARTS |= {"numeric, data": PARTS["numeric"] + PARTS["data"]}


class Row(NamedTuple):
    """One way in which another machine differs.

    Attributes
    ----------
    about : str
        What is different, for the report.
    part : str
        Key of `PARTS`: which tests run.
    environment : mapping of str to str
        Variables; None removes one.
    place : callable
        Makes ready where the tests run; see `places`.
    options : tuple of str
        Further options of pytest.
    needs : tuple of str
        Flags of the processor, as Linux names them, without which the row cannot run.
    shows : mapping of str to str
        What the processes must report of themselves; a row whose settings had no effect has not run.
    """

    about: str
    part: str = "all"
    environment: Mapping[str, str | None] = {}
    place: Callable[[Path], Place] = here
    options: tuple[str, ...] = ()
    needs: Iterable[str] = ()
    shows: Mapping[str, str] = {}


def processor(about: str, numba: str, blas: str, *, needs: str) -> Row:
    """Return the row in which numba and OpenBLAS compute as for another x86-64 processor."""
    environment = {"NUMBA_CPU_NAME": numba, "NUMBA_CPU_FEATURES": "", "OPENBLAS_CORETYPE": blas}
    return Row(
        about, environment=environment, needs=needs.split(), shows={"BLAS": blas, "compiled for": numba}
    )


def threads(number: int) -> Row:
    """Return the row in which BLAS has so many threads."""
    environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(number))
    return Row(f"BLAS threads: {number}", "numeric", environment, shows={"BLAS threads": str(number)})


ROWS: Mapping[str, Row] = {
    "this machine": Row("nothing: the machine and the versions as they are"),
    # Other processors.
    "generic": processor("any x86-64 processor: no AVX", "generic", "Prescott", needs="pni"),
    "haswell": processor("AVX2, no AVX-512", "haswell", "Haswell", needs="avx2 fma"),
    "skylake-x": processor("AVX-512 of Intel", "skylake-avx512", "SkylakeX", needs="avx512bw avx512vl"),
    "zen": Row(
        "BLAS kernels of AMD Zen",
        "numeric",
        {"OPENBLAS_CORETYPE": "Zen"},
        needs=["avx2"],
        shows={"BLAS": "Zen"},
    ),
    "numpy baseline": Row(
        "NumPy without vector instructions beyond its baseline",
        "numeric",
        place=places.numpy_baseline,
        shows={"numpy uses": ""},
    ),
    "arm64": Row("64-bit ARM without SVE, emulated, compiled for Apple's M1", "emulated", place=emulated_arm),
    # The same processor, other surroundings.
    "one BLAS thread": threads(1),
    "two BLAS threads": threads(2),
    "shuffled": Row("tests in another order", options=("-p", "tests.portability.shuffled")),
    "Kathmandu": Row("time zone Asia/Kathmandu", "data", {"TZ": "Asia/Kathmandu"}),
    "C locale": Row(
        "LC_ALL=C, files and pipes in ASCII unless told otherwise",
        "data",
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ),
    "unusual path": Row("a path with spaces and non-ASCII letters", "data", place=places.odd_path),
    "read-only": Row(
        "a read-only checkout and no home: no cache of compiled code", "uncached", place=places.read_only
    ),
    "no home": Row("no home", "data", places.NO_HOME),
    # Other installations.
    "pandas 2": Row("pandas 2", place=installation("pandas<3")),
    "Python 3.10": Row(
        "Python 3.10, and what it allows", part="numeric, data", place=installation(python="3.10")
    ),
    "oldest": Row(
        "the oldest versions allowed of all dependencies",
        part="numeric, data",
        place=installation(*places.oldest(), "pyparsing<3.3", python="3.10 3.11 3.12"),
    ),
    "newest": Row(
        "the newest Python here and versions of all dependencies",
        part="numeric, data",
        place=installation(python="3.14 3.13 3.12 3.11", upgrade=True),
    ),
    "neighbours": Row(
        "sktime, skforecast and statsforecast installed beside it",
        "interop",
        place=installation("sktime>=1.1", "skforecast>=0.20", "statsforecast>=2"),
    ),
}

# What `.ci/run` adds to the suite: parts of these rows.
FAST: Mapping[str, Row] = {
    f"fast {name}": ROWS[name]._replace(part=part)
    for name, part in {"haswell": "numeric", "pandas 2": "data", "read-only": "uncached"}.items()
}
