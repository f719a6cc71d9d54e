"""Run the tests as other machines would.

python -m tests.portability                      all rows of the matrix
python -m tests.portability haswell "pandas 2"   some of them
python -m tests.portability --fast               parts of three, as .ci/run does
python -m tests.portability --list               the names, and what each row runs
python -m tests.portability --write ...          enter the results in docs/portability.md as well
"""

import argparse
import sys

from tests.portability.report import write
from tests.portability.rows import FAST, PARTS, ROWS
from tests.portability.runs import run


def main() -> int:
    """Run, print, and return how many rows failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.portability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="ROW", help="default: all")
    parser.add_argument("--fast", action="store_true", help="parts of three rows, in a few minutes")
    parser.add_argument("--list", action="store_true", help="print the rows and stop")
    parser.add_argument("--write", action="store_true", help="enter the results in docs/portability.md")
    parser.add_argument("--workers", default="auto", help="processes of pytest (default: one a core)")
    options = parser.parse_args()
    rows = FAST if options.fast else ROWS
    if unknown := set(options.names) - set(rows):
        parser.error(f"no row {sorted(unknown)}; --list shows all")
    chosen = {name: rows[name] for name in options.names or rows}
    if options.list:
        for name, row in chosen.items():
            print(f"{name:18} {row.about}: {' '.join(PARTS[row.part]) or 'the whole suite'}")
        return 0
    results = {}
    for name, row in chosen.items():
        print(f"== {name}: {row.about}", flush=True)
        results[name] = run(name, row, options.workers)
        print(f"== {name}: {results[name]}\n", flush=True)
        if options.write and not options.fast:
            write({name: results[name]})
    for name, one in results.items():
        print(f"{name:18} {one['verdict']:8} {one.get('passed', '')} {one.get('reason', '')}".rstrip())
    return sum(one["verdict"] == "failed" for one in results.values())


if __name__ == "__main__":
    sys.exit(main())
