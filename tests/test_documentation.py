"""What the documentation shows runs: every block marked ``python`` in the Markdown files, in order.

The blocks of a file share their names. A block with ``>>>`` is a doctest, and its output is compared.
"""

import ast
import doctest
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.readme import section

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".", "docs", "examples", "benchmarks")
MARKDOWN = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.md"))
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?P<target>[^)#:\s]+)(?:#[^)]*)?\)")


def run(code, names, path, line):
    """Run one block, which starts after a line of a file: errors point at the file."""
    if ">>>" in code:
        test = doctest.DocTestParser().get_doctest(code, names, path.name, str(path), line)
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        failures, _ = runner.run(test, out=report.append, clear_globs=False)
        names.update(test.globs)
        assert not failures, "".join(report)
    else:
        exec(compile(ast.increment_lineno(ast.parse(code), line), str(path), "exec"), names)


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.name)
def test_examples_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(path.stem)  # a real one, so that the classes of an example can be pickled
    monkeypatch.setitem(sys.modules, path.stem, module)
    text = path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        run(block["code"], vars(module), path, text.count("\n", 0, block.start("code")))


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.name)
def test_links_lead_to_files(path):
    targets = {match["target"] for match in LINK.finditer(path.read_text(encoding="utf-8"))}
    assert not [target for target in targets if not (path.parent / target).exists()]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/contracts.md"])
def test_named_files_exist(name):
    paths = re.findall(r"`([\w.]+/[\w./]+\.\w+)`", (ROOT / name).read_text(encoding="utf-8"))
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_readme_says_where_names_stand():
    """A name in the table of what is there can be imported from the module that was named last before it."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## What is there")[1].split("## ")[0]
    found = 0
    for row in re.findall(r"^\| `(?:reservoir|forecasting)\b.*$", table, re.M):
        for name in re.findall(r"`([\w.]+)`", row):
            if name.partition(".")[0] in ("reservoir", "forecasting"):
                module = importlib.import_module(name)
            else:
                assert hasattr(module, name), f"{module.__name__} has no {name}"
                found += 1
    assert found > 60


def test_readme_says_what_was_measured():
    """`python -m benchmarks.readme` was run after the last measurement, and finds every figure."""
    assert section(ROOT / "benchmarks" / "results") in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_architecture_names_what_is_there():
    """docs/architecture.md draws every folder, and each path that it names exists."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = set(re.findall(r"\w+", text.split("```")[1]))
    for package in ("reservoir", "forecasting"):
        folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert not folders - drawing, f"the drawing in docs/architecture.md lacks {folders - drawing}"
    for path in re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", text):
        places = [ROOT / path, ROOT / "reservoir" / path, ROOT / "forecasting" / path]
        assert any(place.exists() for place in places), (
            f"docs/architecture.md names {path}, which is not there"
        )
