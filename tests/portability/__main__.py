"""Run rows of the matrix and write docs/portability.md.

python -m tests.portability                 all rows (about two hours on 2 cores)
python -m tests.portability haswell "pandas 2"
python -m tests.portability --fast          the rows of .ci/run (some minutes)
python -m tests.portability --list
python -m tests.portability ... --write     also enter the results in docs/portability.md
"""

import argparse
import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path
from time import perf_counter

from tests.portability.rows import ARM, FAST, ROOT, Row, find_python, matrix, unpack, why_not

RESULTS = Path(__file__).with_name("results.json")
REPORT = ROOT / "docs" / "portability.md"
CACHE = ROOT / ".pytest_cache" / "portability"  # virtual environments, compiled code, ARM files
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24  # the privilege by which root writes where nobody may
VERSIONS = """
import json, platform
from importlib.metadata import version
names = ("numpy", "scipy", "scikit-learn", "numba", "pandas")
print(json.dumps({"Python": platform.python_version(), **{name: version(name) for name in names}}))
"""


def main() -> int:
    """Run, print, and return how many rows failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.portability", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="ROW", help="names of rows; default: all but the fast ones"
    )
    parser.add_argument("--fast", action="store_true", help="the rows of .ci/run")
    parser.add_argument("--list", action="store_true", help="print the rows and stop")
    parser.add_argument("--write", action="store_true", help="enter the results in docs/portability.md")
    parser.add_argument("--workers", default="auto", help="worker processes of pytest (default: one a core)")
    options = parser.parse_args()
    rows = matrix()
    if options.list:
        for name, row in rows.items():
            print(f"{name:18} {row.about}: {' '.join(row.arguments) or 'the whole suite'}")
        return 0
    default = FAST if options.fast else [name for name in rows if name not in FAST or name == "read-only"]
    names = options.names or default
    if unknown := set(names) - set(rows):
        parser.error(f"no row {sorted(unknown)}; --list shows all")
    found = {name: result(name, rows[name], options.workers) for name in names}
    if options.write:
        known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(known | found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        REPORT.write_text(report(rows, known | found), encoding="utf-8")
    return sum(one["verdict"] not in ("passed", "not run") for one in found.values())


def result(name: str, row: Row, workers: str) -> dict:
    """Run one row and return its counts."""
    if reason := why_not(row):
        print(f"{name}: not run, {reason}", flush=True)
        return {"verdict": "not run", "reason": reason}
    print(f"{name}: {row.about}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.xml"
        began = perf_counter()
        command, environment, place = invocation(name, row, Path(folder), workers)
        done = subprocess.run(
            [*command, f"--junitxml={counts}", *row.arguments],
            cwd=place,
            env=environment,
            preexec_fn=without_privilege if row.place == "read-only" and os.name == "posix" else None,
        )
        found = count(counts) if counts.exists() else {}
        if row.place == "read-only":  # or the folder cannot be removed
            make_writable(Path(folder), True)
    found |= {"seconds": round(perf_counter() - began), "date": date.today().isoformat()}
    found["verdict"] = "passed" if done.returncode == 0 and found.get("passed") else "FAILED"
    if row.arguments is not ARM:
        found["versions"] = json.loads(subprocess.check_output([command[0], "-c", VERSIONS], text=True))
    print(f"{name}: {found}", flush=True)
    return found


def invocation(name: str, row: Row, folder: Path, workers: str) -> tuple[list[str], dict[str, str], Path]:
    """Return the command up to the arguments of the row, its environment, and where to run it."""
    cache = CACHE / name.replace(" ", "-")
    environment = {**os.environ, **row.environment, "NUMBA_CACHE_DIR": str(cache / "numba")}
    if row.arguments is ARM:
        return [str(ROOT / "tests/portability/arm64.sh"), str(cache), "-q"], environment, ROOT
    place = unpack(row.place, folder, copy_of_the_repository)
    python = installed(row, cache) if row.install else sys.executable
    command = [python, "-m", "pytest", "-q", "-n", workers, "--dist", "loadfile"]
    if row.place == "read-only":
        make_writable(place, False)
        del environment["NUMBA_CACHE_DIR"]
        command += [
            "-p",
            "no:cacheprovider",
            f"--basetemp={folder / 'tmp'}",
            "-W",
            "ignore:compiled functions",
        ]
    return command, {**environment, "PYTHONPATH": str(place)}, place


def installed(row: Row, cache: Path) -> str:
    """Return the interpreter of a virtual environment with what a row installs; made once, and brought up to date."""
    environment = cache / "environment"
    binary = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not binary.exists():
        subprocess.run([find_python(row.python), "-m", "venv", environment], check=True)
    pip = [binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", *row.install], check=True, cwd=ROOT)
    return str(binary)


def copy_of_the_repository(target: Path) -> None:
    """Copy what git knows of, as it is in the working tree."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())


def make_writable(folder: Path, yes: bool) -> None:
    """Allow or forbid to write to a folder and all within."""
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | 0o200 if yes else mode & ~0o222)


def without_privilege() -> None:
    """Let file permissions bind root as well, in the process that is about to start."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def count(path: Path) -> dict:
    """Return the counts of a JUnit file; expected failures count as skipped."""
    suite = ElementTree.parse(path).getroot().find("testsuite")
    assert suite is not None
    total, failed, errors, skipped = (
        int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
    )
    return {"passed": total - failed - errors - skipped, "failed": failed + errors, "skipped": skipped}


def report(rows: dict[str, Row], results: dict) -> str:
    """Return the text of docs/portability.md."""
    lines = []
    for name, row in rows.items():
        one = results.get(name)
        if one is None:
            continue
        scope = "whole suite" if not row.arguments or row.arguments[0] == "-p" else "a part"
        if one["verdict"] == "not run":
            lines.append(f"| {name} | {row.about} | {scope} | not run: {one['reason']} | | | | |")
            continue
        numbers = " | ".join(
            str(one.get(key, "")) for key in ("passed", "failed", "skipped", "seconds", "date")
        )
        lines.append(f"| {name} | {row.about} | {scope} | {numbers} |")
    versions = [
        f"| {name} | " + " | ".join(one["versions"].values()) + " |"
        for name, one in results.items()
        if "versions" in one
    ]
    return TEXT.format(
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        rows="\n".join(lines),
        versions="\n".join(versions),
    )


TEXT = """# Portability

What the tests say on other processors, versions and file systems, all run on one machine ({machine}).
Written by `make portability`, which is `python -m tests.portability --write`; `--list` shows what each row runs.
Tests that need a library or data that are not installed are skipped, and expected failures count as skipped.

| row | what differs | runs | passed | failed | skipped | seconds | date |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

Processors: numba compiles for the named one (`NUMBA_CPU_NAME`, no further features), OpenBLAS takes its kernels
(`OPENBLAS_CORETYPE`). ARM: `tests/portability/arm64.sh` runs Debian's arm64 Python and the aarch64 wheels of PyPI
under qemu. Seconds hold the compilation of all kernels, and for installations pip's time.

| row | Python | numpy | scipy | scikit-learn | numba | pandas |
| --- | --- | --- | --- | --- | --- | --- |
{versions}
"""

if __name__ == "__main__":
    sys.exit(main())
