"""The examples: each says what it is and can be run by name; what is quick is run."""

import importlib
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.py") if not path.stem.startswith("_"))


@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_run_by_name_and_has_been(name):
    module = importlib.import_module(f"examples.{name}")
    assert callable(module.run)
    assert module.__doc__.splitlines()[0].endswith(".")
    assert (ROOT / "examples" / "pictures" / f"{name}.png").exists()
    assert f"## {name}\n" in (ROOT / "docs" / "architecture_results.md").read_text(encoding="utf-8")


def test_machines():
    figures, draw = importlib.import_module("examples.machines").run(1)
    assert figures["answers that are right"] == 1
    figure = plt.figure()
    draw(figure)
    plt.close(figure)


def test_smoothed_counts_are_a_distribution():
    """What comes after one context has probabilities that sum to 1."""
    characters = importlib.import_module("examples.characters")
    text, total = "abcabdabcaba", 0.0
    for last in "abcd":
        total += characters.n_gram_probabilities(text, "b" + last, 3)[0]
    assert total == pytest.approx(1, rel=1e-12)
