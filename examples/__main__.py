"""Run examples: ``python -m examples [NAME ...] [--seeds 3]``; without a name, all of them.

An example is a module with a docstring and ``run(seed)``, which returns its figures (a dict of numbers) and a
function that draws on a matplotlib figure. Pictures go to ``examples/pictures``, figures of all seeds to
``examples/results``, and from there the table to ``docs/architecture_results.md``.
"""

import argparse
import importlib
from datetime import date
from pathlib import Path
from time import process_time

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

HERE = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
TABLE = HERE.parent / "docs" / "architecture_results.md"
HEAD = """# What the examples measured

Each number is the mean over seeds, with the lowest and the highest. `python -m examples NAME` runs one again; what
each does stands at the top of its file in `examples`.
"""


def run(name, n_seeds):
    module = importlib.import_module(f"examples.{name}")
    rows, start = [], process_time()
    for seed in range(n_seeds):
        figures, draw = module.run(seed)
        rows.append(figures)
        print(f"{name}, seed {seed}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))
        if seed == 0:
            figure = plt.figure(layout="constrained")
            draw(figure)
            (HERE / "pictures").mkdir(exist_ok=True)
            figure.savefig(HERE / "pictures" / f"{name}.png", dpi=90)
            plt.close(figure)
    table = pd.DataFrame(rows).rename_axis("seed")
    table["processor seconds"] = (process_time() - start) / n_seeds
    table["date"] = date.today().isoformat()
    (HERE / "results").mkdir(exist_ok=True)
    table.to_csv(HERE / "results" / f"{name}.csv", float_format="%.5g")


def write_table():
    parts = [HEAD]
    for path in sorted((HERE / "results").glob("*.csv")):
        table = pd.read_csv(path, index_col="seed")
        title = importlib.import_module(f"examples.{path.stem}").__doc__.splitlines()[0]
        parts.append(
            f"## {path.stem}\n\n{title}\n\n| figure | mean | lowest | highest |\n| --- | --- | --- | --- |"
        )
        for key in table.columns.drop("date"):
            values = table[key]
            parts[-1] += f"\n| {key} | {values.mean():.4g} | {values.min():.4g} | {values.max():.4g} |"
        parts[-1] += f"\n\n{len(table)} seeds, {table['date'].iloc[0]}."
        if (HERE / "pictures" / f"{path.stem}.png").exists():
            parts[-1] += f"\n\n![{path.stem}](../examples/pictures/{path.stem}.png)\n"
    TABLE.write_text("\n".join(parts), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no example named {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    mpl.use("agg")
    for name in options.names or NAMES:
        run(name, options.seeds)
    write_table()


if __name__ == "__main__":
    main()
