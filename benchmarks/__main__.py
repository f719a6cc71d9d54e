"""Measure and write ``benchmarks/results/NAME.md``: ``python -m benchmarks [NAME ...] [--quick]``.

A benchmark is a function ``(quick: bool) -> str`` that measures and returns its report in Markdown; this table
names it, and the command adds the heading, the machine and the date.
"""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from time import perf_counter

from benchmarks.report import framed

# Name: module and function. The first line of the module's docstring is the heading.
BENCHMARKS = {
    "speed": "benchmarks.speed:report",
    "mackey-glass": "benchmarks.accuracy.mackey_glass:report",
    "narma10": "benchmarks.accuracy.narma10:report",
    "santa-fe": "benchmarks.accuracy.santa_fe:report",
    "memory-capacity": "benchmarks.accuracy.memory_capacity:report",
    "multiple-sines": "benchmarks.accuracy.multiple_sines:report",
    "lyapunov-spectrum": "benchmarks.accuracy.lyapunov_spectrum:report",
    "valid-time-lorenz": "benchmarks.accuracy.valid_time_lorenz:report",
    "japanese-vowels": "benchmarks.accuracy.japanese_vowels:report",
    "defaults": "benchmarks.accuracy.defaults:report",
    "m4-hourly": "benchmarks.accuracy.m4_hourly:report",
    "m4-automatic": "benchmarks.accuracy.m4_automatic:report",
    "etth1": "benchmarks.accuracy.etth1:report",
    "dysts": "benchmarks.accuracy.dysts:report",
    "reduction": "benchmarks.reduction:report",
    "readout-backtest": "benchmarks.readout_backtest:report",
    "tune-speed": "benchmarks.tuning_speed:report",
    "kuramoto-sivashinsky": "benchmarks.accuracy.spatial_chaos:kuramoto_report",
    "networks-speed": "benchmarks.networks.speed:report",
    "networks-classics": "benchmarks.networks.classics:report",
    "networks-adding": "benchmarks.networks.adding:report",
    "lorenz96": "benchmarks.accuracy.spatial_chaos:lorenz_report",
}
RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that the arguments name, all of them by default."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}")
    for name in options.names or list(BENCHMARKS):
        measure, title = _find(name)
        start = perf_counter()
        body = measure(options.quick)
        text = framed(title, body, _command(name, options.quick), perf_counter() - start)
        print(text)
        folder = options.out or (None if options.quick else RESULTS)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.md").write_text(text, encoding="utf-8")


def _find(name: str) -> tuple[Callable[[bool], str], str]:
    """Return the function of a benchmark and its heading."""
    module_name, _, function = BENCHMARKS[name].partition(":")
    module = import_module(module_name)
    return getattr(module, function), (module.__doc__ or name).partition("\n")[0].rstrip(".")


def _command(name: str, quick: bool) -> str:
    return f"python -m benchmarks {name}" + (" --quick" if quick else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)} [all]")
    parser.add_argument(
        "--quick", action="store_true", help="small and fast, only to see that all works; prints"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"folder of the reports [{RESULTS}]")
    return parser


if __name__ == "__main__":
    main()
