"""The results of rows, and docs/portability.md, which is written from them."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from tests.portability.places import ROOT
from tests.portability.rows import PARTS, ROWS

RESULTS = Path(__file__).with_name("results.json")
REPORT = ROOT / "docs" / "portability.md"

TEXT = """# Portability

What the tests say on other processors, versions and file systems, run on one machine: {machine}.
Written by `make portability`. A row whose tests fail is marked; one that the machine cannot show says why it was not
run. Tests that need a library or data that are not installed are skipped, and expected failures count as skipped.

| row | what differs | tests | passed | failed | skipped | seconds | date |
| --- | --- | --- | --- | --- | --- | --- | --- |
{counts}

Seconds are those of the tests, with the compilation of all kernels, on {cores} cores that may have had other work;
making an installation ready takes one to two minutes more, the first time.

Every row is asked what it computes with before its tests run, and a setting without effect is no pass. numba compiles
for the named processor (`NUMBA_CPU_NAME`, with its features and no others), OpenBLAS takes the named kernels
(`OPENBLAS_CORETYPE`). `tests/portability/arm.py` runs Debian's Python for ARM and the wheels of PyPI under qemu.

| row | Python | numpy | scipy | scikit-learn | numba | pandas | compiled for | BLAS kernels |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{versions}

The tests are all, or these arguments of pytest:

{parts}
"""
VERSIONS = ("Python", "numpy", "scipy", "scikit-learn", "numba", "pandas", "compiled for", "BLAS")


def write(new: Mapping[str, dict]) -> None:
    """Enter results in the record, beside those of other rows, and write the report."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known = {name: {**known, **new}[name] for name in ROWS if name in known or name in new}
    RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    REPORT.write_text(report(known), encoding="utf-8")


def report(results: Mapping[str, dict]) -> str:
    """Return the text of docs/portability.md."""
    counts, versions = [], []
    for name, one in results.items():
        if one["verdict"] == "not run":
            numbers = [f"not run: {one['reason']}", "", "", "", one["date"]]
        else:
            numbers = [str(one.get(key, "")) for key in ("passed", "failed", "skipped", "seconds", "date")]
        label = f"**{name} (failed)**" if one["verdict"] == "failed" else name
        counts.append(line(label, ROWS[name].about, one["part"], *numbers))
        if "shows" in one:
            versions.append(line(name, *(one["shows"].get(key, "") for key in VERSIONS)))
    used = {one["part"] for one in results.values()} - {"all"}
    parts = [f"- {name}: `{' '.join(PARTS[name])}`" for name in PARTS if name in used]
    return TEXT.format(
        machine=f"{processor_name()}, {platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        counts="\n".join(counts),
        versions="\n".join(versions),
        parts="\n".join(parts),
    )


def line(*cells: str) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def processor_name() -> str:
    """Return the processor's name, as far as the machine tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
