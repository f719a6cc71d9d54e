"""Compiled code on disk is never stale, never trusted blindly, and never needed."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from reservoir.kernels import compilation

ROOT = Path(__file__).resolve().parents[3]

# A kernel of one file into which a function of another file is inlined.
PROBE = """
from reservoir.kernels.compilation import compiled
from reservoir.kernels.vecmath import tanh

@compiled
def apply(x):
    return tanh(x)
"""
RUN = """
import json
from reservoir.probe import apply
value = apply(0.5)
print(json.dumps([value, sum(apply.stats.cache_hits.values())]))
"""


@pytest.fixture
def copy(tmp_path):
    """A folder with copies of both packages, without what was compiled."""
    for package in ("reservoir", "forecasting"):
        for source in (ROOT / package).rglob("*.py"):
            target = tmp_path / "site" / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())  # not its permissions: the sources may be read-only
    (tmp_path / "site" / "reservoir" / "probe.py").write_text(PROBE)
    return tmp_path / "site"


def start(folder, code=RUN, python=sys.executable, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    kept |= {"PYTHONPATH": str(folder), "PYTHONWARNINGS": "always", **environment}
    return subprocess.Popen(
        [python, "-c", code], env=kept, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return (*json.loads(out), err)


def halve_tanh(folder):
    """Make `tanh` of compiled code return half of what it should."""
    path = folder / "reservoir" / "kernels" / "vecmath.py"
    text = path.read_text()
    changed = text.replace("return _copysign(((s - one)", "return _copysign(one / 2 * ((s - one)")
    assert changed != text, "the way in which tanh ends has changed"
    path.write_text(changed)


def test_is_kept_on_disk_and_follows_an_edit_of_what_was_inlined(copy):
    value, hits, _ = finish(start(copy))
    assert (value, hits) == (pytest.approx(np.tanh(0.5)), 0)
    assert finish(start(copy))[:2] == (value, 1)
    halve_tanh(copy)
    assert finish(start(copy))[:2] == (pytest.approx(value / 2), 0)


def wheel(folder, version):
    """Pack the copies as a wheel; all files of one date, as reproducible builds have them."""
    path = folder.parent / f"probe_library-{version}-py3-none-any.whl"
    info = f"probe_library-{version}.dist-info"
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for package in ("reservoir", "forecasting")
        for file in (folder / package).rglob("*.py")
    }
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: probe-library\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return path


@pytest.mark.slow
def test_a_newer_wheel_over_an_older_one_is_compiled_again(copy, tmp_path):
    pytest.importorskip("pip")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = next(path for path in environment.glob("*/python*") if path.stem == "python")
    (site,) = environment.rglob("site-packages")
    (site / "dependencies.pth").write_text(str(Path(np.__file__).parents[1]))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "-q"]

    def run():
        kept = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "PYTHONPATH")}
        done = subprocess.run(
            [python, "-c", RUN], env=kept, cwd=tmp_path, text=True, capture_output=True, check=True
        )
        return json.loads(done.stdout)

    subprocess.run([*install, wheel(copy, "1.0")], check=True)
    value, _ = run()
    assert run() == [value, 1]
    halve_tanh(copy)
    subprocess.run([*install, wheel(copy, "1.1")], check=True)
    assert list(site.glob("reservoir/__pycache__/probe*.nbc")), "pip leaves what was compiled"
    assert run() == [pytest.approx(value / 2), 0]


def make_unwritable(folder):
    """Return an environment in which nothing can be cached, for any user: files stand where folders would be."""
    for path in [folder / "reservoir", folder / "forecasting"]:
        for each in [path, *(inner for inner in path.rglob("*") if inner.is_dir())]:
            (each / "__pycache__").write_text("")
    nowhere = str(folder / "reservoir" / "__pycache__" / "nowhere")
    names = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA", "APPDATA")
    return dict.fromkeys(names, nowhere)


def test_compiles_in_memory_where_nothing_can_be_written(copy):
    environment = make_unwritable(copy)
    value, hits, err = finish(start(copy, "import forecasting" + RUN, **environment))
    assert (value, hits) == (pytest.approx(np.tanh(0.5)), 0)
    assert err.count("Warning") == 1
    assert "NUMBA_CACHE_DIR" in err
    kept = copy.parent / "kept"
    for hits in (0, 1):
        assert finish(start(copy, NUMBA_CACHE_DIR=str(kept), **environment)) == (value, hits, "")


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "other bytes": lambda content: b"\x80" * len(content),
    "a flipped bit": lambda content: (
        content[: -len(content) // 3]
        + bytes([content[-len(content) // 3] ^ 4])
        + content[-len(content) // 3 + 1 :]
    ),
}


def test_damaged_files_are_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    source = tmp_path / "probe.py"
    source.write_text(PROBE)

    def run():
        """Load the module as a new process would, return the value and the number of hits of the cache."""
        spec = importlib.util.spec_from_file_location("probe", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.apply(0.5), sum(module.apply.stats.cache_hits.values())

    value, _ = run()
    assert value == pytest.approx(np.tanh(0.5))
    files = list((tmp_path / "__pycache__").glob("probe*.nb?"))
    assert sorted(file.suffix for file in files) == [".nbc", ".nbi"]
    for damage in DAMAGES.values():
        for file in files:
            file.write_bytes(damage(file.read_bytes()))
            assert run() == (value, 0)
            assert run() == (value, 1)


def test_processes_that_compile_at_once(copy):
    processes = [start(copy) for _ in range(3)]
    results = [finish(process)[::2] for process in processes]
    assert results == [(pytest.approx(np.tanh(0.5)), "")] * 3
    assert finish(start(copy))[1] == 1


def test_an_entry_of_another_key_or_source_is_not_returned(tmp_path):
    def file(stamp):
        return compilation._CheckedFile(str(tmp_path), "name", stamp)

    file("old").save("a", 1)
    assert file("old").load("a") == 1
    (entry,) = tmp_path.glob("*.nbc")
    content = entry.read_bytes()
    file("new").save("b", 2)
    assert file("old").load("a") is None
    assert file("new").load("a") is None
    entry.write_bytes(content)  # as if a slower process had written its entry last
    assert file("new").load("b") is None


def test_a_numba_without_the_parts_that_are_used_compiles_in_memory(monkeypatch):
    def function():
        return None

    for dispatcher, base in ((object(), None), (compilation.njit(function), object)):
        monkeypatch.setattr(compilation, "_warned", [])
        if base is not None:
            monkeypatch.setattr(compilation, "_Cache", type("_Cache", (base,), {}))
        with pytest.warns(UserWarning, match="keeps caches in another way.*|NUMBA_CACHE_DIR"):
            compilation._attach_cache(dispatcher, function)


def test_a_full_disk_costs_the_cache_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(
        config, "CACHE_DIR", str(tmp_path)
    )  # the sources may lie where nothing can be written

    def refuse(self, sig, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compilation, "_warned", [])
    monkeypatch.setattr(compilation.FunctionCache, "save_overload", refuse)

    @compilation.compiled
    def double(x):
        return 2 * x

    with pytest.warns(UserWarning, match="No space left on device"):
        assert double(2.0) == 4.0
    assert double(2) == 4  # the second overload does not warn again


def test_division_by_zero_is_no_error_and_nan_is_kept():
    for arithmetic in ("strict", "elementwise", "reassociated"):

        @compilation.compiled(arithmetic=arithmetic, cached=False)
        def divide(x, y):
            return x / y, np.isnan(y)

        assert divide(1.0, 0.0) == (np.inf, False)
        assert divide(1.0, np.nan)[1]
