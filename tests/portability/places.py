"""Where tests can run: this checkout, another installation, a copy of the checkout, an emulated ARM.

A function of this module makes one of them ready in a folder of its own and says how to start Python there. What a
machine cannot offer raises `Unavailable` with the reason; an installation that fails raises `subprocess`'s error.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]


class Unavailable(Exception):
    """This machine cannot show what a row is about."""


class Place(NamedTuple):
    """How to start Python, in which checkout, with which variables (None removes one), on how many processes."""

    python: tuple[str, ...] = (sys.executable,)
    checkout: Path = ROOT
    environment: Mapping[str, str | None] = {}
    n_workers: str = ""  # as the command was asked


def here(folder: Path) -> Place:
    """Return this checkout and this Python."""
    return Place()


# ------------------------------------------------------------------------------------ other installations


def installation(*arguments: str, python: str = "", upgrade: bool = False) -> Callable[[Path], Place]:
    """Return a place with a virtual environment of its own, made anew when what it is made from has changed.

    `arguments` go to pip beside the project with its extra `dev`. `python` is a version such as "3.10", or several by
    falling preference; without it, the one that runs this. `upgrade` asks for the newest release of everything.
    """

    def place(folder: Path) -> Place:
        interpreter = find_python(*python.split()) if python else sys.executable
        environment = folder / "environment"
        binary = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        stamp = environment / "made-from.txt"
        source = "\n".join([interpreter, *arguments, (ROOT / "pyproject.toml").read_text(encoding="utf-8")])
        if upgrade or not stamp.exists() or stamp.read_text(encoding="utf-8") != source:
            shutil.rmtree(environment, ignore_errors=True)
            subprocess.run([interpreter, "-m", "venv", environment], check=True)
            pip = [str(binary), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            eager = ["--upgrade", "--upgrade-strategy", "eager"] if upgrade else []
            subprocess.run([*pip, *eager, "--editable", f"{ROOT}[dev]", *arguments], check=True)
            stamp.write_text(source, encoding="utf-8")
        return Place((str(binary),))

    return place


def find_python(*versions: str) -> str:
    """Return the first Python of one of these versions that can make virtual environments."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        candidates = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))]
        for candidate in filter(None, [sys.executable, *candidates]):
            probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
            done = subprocess.run([candidate, "-c", probe], capture_output=True, text=True)
            if done.stdout.strip() == version:
                return str(candidate)
    raise Unavailable(f"no Python {' or '.join(versions)} on this machine")


def requirements(extra: str = "dev") -> dict[str, SpecifierSet]:
    """Return the versions that pyproject.toml allows of what runs the tests."""
    lines = [Requirement(line) for line in requires("reservoir-forecasting") or ()]
    wanted = [line for line in lines if line.marker is None or line.marker.evaluate({"extra": extra})]
    return {line.name: line.specifier for line in wanted if line.name not in ("mypy", "ruff", "pandas-stubs")}


def oldest() -> list[str]:
    """Return the lowest of these versions but of pytest's, as arguments of pip."""
    bounds = [(name, part) for name, parts in requirements().items() for part in parts]
    return [
        f"{name}=={part.version}"
        for name, part in bounds
        if part.operator == ">=" and not name.startswith("pytest")
    ]


# ------------------------------------------------------------------------------------- copies of the checkout


def copied(target: Path) -> Path:
    """Copy the files of this checkout that git knows, as they are now."""
    if target.exists():
        _chmod(target, writable=True)
        shutil.rmtree(target)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True)
    if listing.returncode:
        raise Unavailable("this folder is no clone: git does not list its files")
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def odd_path(folder: Path) -> Place:
    """Return a copy in a folder whose name holds spaces and letters beyond ASCII, installed there by make."""
    if shutil.which("make") is None:
        raise Unavailable("make is not installed")
    checkout = copied(folder / "Über uns, 東京 и мы")
    subprocess.run(
        ["make", "--silent", f"PYTHON={sys.executable}", ".venv/dev.stamp"], cwd=checkout, check=True
    )
    python = str(checkout / ".venv" / "bin" / "python")
    return Place((python,), checkout, {"NUMBA_CACHE_DIR": None})  # compiled code lies beside its sources


def read_only(folder: Path) -> Place:
    """Return a copy in which nothing can be written, and no home to write to instead."""
    checkout = copied(folder / "checkout")
    _chmod(checkout, writable=False)
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:  # whom permissions do not bind
        if shutil.which("setpriv") is None:
            raise Unavailable("permissions do not bind root, and setpriv (util-linux) is not installed")
        prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    attempt = f"open({str(checkout / 'reservoir' / 'attempt')!r}, 'w')"
    if subprocess.run([*prefix, sys.executable, "-c", attempt], capture_output=True).returncode == 0:
        raise Unavailable("permissions do not keep this user from writing")
    # Every process warns that it cannot store what it compiles; the tests hold other warnings to be errors.
    environment = {"PYTHONWARNINGS": UNCACHED, "PYTEST_ADDOPTS": f"-p no:cacheprovider -W '{UNCACHED}'"}
    return Place((*prefix, sys.executable), checkout, {**NO_HOME, **environment})


UNCACHED = "ignore:compiled functions cannot be stored on disk"
NO_HOME: Mapping[str, str | None] = {  # nobody can make this folder
    "HOME": "/proc/no home",
    "XDG_CACHE_HOME": None,
    "NUMBA_CACHE_DIR": None,
}


def _chmod(folder: Path, *, writable: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | stat.S_IWUSR if writable else mode & ~0o222)


# --------------------------------------------------------------------------------------------- other kernels


def numpy_baseline(folder: Path) -> Place:
    """Return this checkout with all of numpy's kernels for newer processors switched off.

    Their names differ between releases of numpy, so numpy is asked.
    """
    probe = """
try:
    from numpy._core import _multiarray_umath as umath
except ImportError:  # numpy 1
    from numpy.core import _multiarray_umath as umath
print(*(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    names = done.stdout.strip()
    if not names:
        raise Unavailable("numpy uses no kernels beyond its baseline on this processor")
    return Place(environment={"NPY_DISABLE_CPU_FEATURES": names})
