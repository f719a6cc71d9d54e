"""Running one row: its place is made ready and looked at, then the tests run in a process of their own."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree

from tests.portability.places import ROOT, Place, Unavailable
from tests.portability.rows import PARTS, Row

CACHE = ROOT / ".pytest_cache" / "portability"  # environments, copies of the checkout, compiled code

PROBE = """
import json, platform, warnings
from importlib.metadata import version
from importlib.util import find_spec
import numba, numpy, scipy.linalg
from threadpoolctl import threadpool_info
try:
    from numpy._core import _multiarray_umath as umath
except ImportError:  # numpy 1
    from numpy.core import _multiarray_umath as umath

@numba.njit
def nothing():
    pass

nothing()
code = next(iter(nothing.inspect_llvm().values()))
libraries = [one for one in threadpool_info() if one["user_api"] == "blas"]
names = ("numpy", "scipy", "scikit-learn", "numba", "pandas")
print(json.dumps({
    "checkout": find_spec("reservoir").origin,
    "Python": platform.python_version(),
    **{name: version(name) for name in names},
    "machine": platform.machine(),
    "BLAS": " ".join(sorted({one.get("architecture", one["internal_api"]) for one in libraries})),
    "BLAS threads": " ".join(sorted({str(one["num_threads"]) for one in libraries})),
    "numpy uses": " ".join(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]),
    "compiled for": numba.core.registry.cpu_target.target_context.codegen()._get_host_cpu_name(),
}))
"""


def run(name: str, row: Row, workers: str = "auto") -> dict:
    """Return the verdict ("passed", "failed", "not run"), the reason or the counts, and the versions used."""
    result: dict = {"verdict": "not run", "part": row.part, "date": date.today().isoformat()}
    try:
        require_flags(row.needs)
        folder = CACHE / name.removeprefix("fast ").replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        place = row.place(folder)
        environment = variables(place, row, folder)
        result["shows"] = probe(place, environment)
        for key, value in row.shows.items():
            if result["shows"][key].casefold() != value.casefold():
                raise Unavailable(
                    f"the setting has no effect: {key} is {result['shows'][key]!r} and not {value!r}"
                )
    except Unavailable as reason:
        return result | {"reason": str(reason)}
    except subprocess.CalledProcessError as error:
        return result | {"verdict": "failed", "reason": f"cannot be made ready: {error}"}
    counts = folder / "counts.xml"
    counts.unlink(missing_ok=True)
    began = perf_counter()
    done = subprocess.run(pytest_command(place, row, workers, counts), cwd=place.checkout, env=environment)
    result |= {"seconds": round(perf_counter() - began)} | (count(counts) if counts.exists() else {})
    return result | {"verdict": "passed" if done.returncode == 0 and result.get("passed") else "failed"}


def require_flags(needs: Iterable[str]) -> None:
    """Raise `Unavailable` where the processor lacks what a row's kernels use."""
    path = Path("/proc/cpuinfo")
    flags = set(path.read_text(encoding="utf-8").split()) if path.exists() else set()
    if missing := set(needs) - flags:
        raise Unavailable(f"the processor of this machine does not show {', '.join(sorted(missing))}")


def variables(place: Place, row: Row, folder: Path) -> dict[str, str]:
    """Return the environment of a row's processes."""
    wanted: dict[str, str | None] = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        **place.environment,
        **row.environment,
    }
    # Before an installation of the checkout in another folder, and what a place adds.
    wanted["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(place.checkout), place.environment.get("PYTHONPATH")])
    )
    return {name: value for name, value in wanted.items() if value is not None}


def probe(place: Place, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a process of the row says of itself, and see that it reads the row's own checkout."""
    command = [*place.python, "-c", PROBE]
    done = subprocess.run(
        command, cwd=place.checkout, env=environment, stdout=subprocess.PIPE, check=True, encoding="utf-8"
    )
    shows = json.loads(done.stdout)
    assert Path(shows.pop("checkout")).parents[1] == place.checkout
    return shows


def pytest_command(place: Place, row: Row, workers: str, counts: Path) -> list[str]:
    """Return the command that runs the tests of a row and leaves their counts in a file."""
    n_workers = place.n_workers or workers
    command = [
        *place.python,
        "-m",
        "pytest",
        "-q",
        "-n",
        n_workers,
        "--dist",
        "loadfile",
        f"--junitxml={counts}",
    ]
    return [*command, *row.options, *PARTS[row.part]]


def count(path: Path) -> dict[str, int]:
    """Return the counts of a JUnit file; expected failures count as skipped."""
    suite = ElementTree.parse(path).getroot().find("testsuite")
    assert suite is not None
    total, failures, errors, skipped = (
        int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}
