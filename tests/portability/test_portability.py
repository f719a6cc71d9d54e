"""The command that runs the tests as other machines would: what it counts, refuses and writes."""

import os
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.portability import report, runs
from tests.portability.places import ROOT, Place, Unavailable, find_python, oldest
from tests.portability.rows import FAST, PARTS, ROWS, Row

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_number(number):
    assert number != 7

@pytest.mark.skip(reason="not here")
def test_skipped():
    pass

@pytest.mark.xfail(reason="known")
def test_expected_to_fail():
    raise AssertionError
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder of its own for what rows leave behind."""
    monkeypatch.setattr(runs, "CACHE", tmp_path)
    return tmp_path


def pytest_in(folder, *options):
    """Run pytest on two files of tests, and return what it printed."""
    for name in ("test_first.py", "test_second.py"):
        (folder / name).write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout


def test_rows_run_what_is_there():
    for name, row in (ROWS | FAST).items():
        paths = [argument.removeprefix("--ignore=") for argument in PARTS[row.part] if "/" in argument]
        assert not [path for path in paths if not (ROOT / path).exists()], name


def test_counts(tmp_path):
    pytest_in(tmp_path, f"--junitxml={tmp_path / 'counts.xml'}")
    assert runs.count(tmp_path / "counts.xml") == {"passed": 38, "failed": 2, "skipped": 4}


def test_another_order_is_the_same_for_all_and_keeps_files_together(tmp_path):
    def order(*options):
        lines = pytest_in(tmp_path, *options).splitlines()
        return [line.split()[0] for line in lines if "::" in line and "%]" in line]

    usual = order()
    shuffled = order("-p", "tests.portability.shuffled")
    assert len(usual) == 44
    assert sorted(shuffled) == sorted(usual)
    assert shuffled != usual
    assert order("-p", "tests.portability.shuffled") == shuffled
    files = [name.partition("::")[0] for name in shuffled]
    assert sum(one != other for one, other in pairwise(files)) == 1


def test_a_setting_without_effect_is_no_pass(cache):
    found = runs.run("odd", Row("odd", environment={"OPENBLAS_CORETYPE": "none"}, shows={"BLAS": "none"}))
    assert found["verdict"] == "not run"
    assert found["reason"].startswith("the setting has no effect: BLAS is ")
    assert "passed" not in found


def test_what_a_machine_lacks_is_no_pass(cache):
    found = runs.run("future", Row("a processor to come", needs=["avx4096"]))
    assert found["verdict"] == "not run"
    assert "avx4096" in found["reason"]
    with pytest.raises(Unavailable, match=r"no Python 2\.6 or 9\.9"):
        find_python("2.6", "9.9")


def test_an_installation_that_fails_is_a_failure(cache):
    def broken(folder):
        subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)

    found = runs.run("broken", Row("broken", place=broken))
    assert found["verdict"] == "failed"
    assert "exit status 3" in found["reason"]


def test_no_test_at_all_is_no_pass(cache):
    found = runs.run("empty", Row("empty", part="emulated", options=("-k", "nothing is called this")), "0")
    assert (found["verdict"], found.get("passed", 0)) == ("failed", 0)


def test_variables_of_a_row(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    place = Place(environment={"XDG_CACHE_HOME": None, "PYTHONPATH": "wheels"})
    found = runs.variables(place, Row("odd", environment={"TZ": "Asia/Kathmandu"}), cache)
    assert "XDG_CACHE_HOME" not in found
    assert found["TZ"] == "Asia/Kathmandu"
    assert found["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "wheels"]
    assert found["NUMBA_CACHE_DIR"] == str(cache / "numba")


def test_the_report_keeps_other_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(report, "REPORT", tmp_path / "portability.md")
    counts = {
        "verdict": "passed",
        "part": "all",
        "date": "2026-01-02",
        "passed": 90,
        "failed": 0,
        "skipped": 3,
    }
    report.write({"zen": {**counts, "seconds": 60, "part": "numeric"}})
    report.write({"haswell": {**counts, "seconds": 70}})
    report.write({"generic": {"verdict": "not run", "reason": "why", "part": "all", "date": "2026-01-03"}})
    report.write({"haswell": {**counts, "seconds": 80, "failed": 1, "verdict": "failed"}})
    lines = [
        line
        for line in (tmp_path / "portability.md").read_text(encoding="utf-8").splitlines()
        if "2026" in line
    ]
    assert [line.split(" | ", 2)[2] for line in lines] == [
        "all | not run: why |  |  |  | 2026-01-03 |",
        "all | 90 | 1 | 3 | 80 | 2026-01-02 |",
        "numeric | 90 | 0 | 3 | 60 | 2026-01-02 |",
    ]
    assert lines[1].startswith("| **haswell (failed)** |")


def test_the_oldest_versions_are_exact():
    pins = oldest()
    assert "numpy==1.26" in pins
    assert all(pin.count("==") == 1 for pin in pins)
