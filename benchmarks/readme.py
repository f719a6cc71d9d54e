"""Put the tables of ``benchmarks/results`` into the README: ``python -m benchmarks.readme``."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Whole in the README; of the others it has the title, which leads to the report.
SHOWN = ("defaults", "speed", "networks-speed", "m4-hourly", "dysts", "mackey-glass", "valid-time-lorenz")
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def section(folder: Path) -> str:
    """Return the tables of the reports that are shown, and links to the others."""
    reports = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.md"))}
    parts = [_without_settings(name, reports[name]) for name in SHOWN if name in reports]
    links = [
        f"- [{_title(text)}](benchmarks/results/{name}.md)"
        for name, text in reports.items()
        if name not in SHOWN
    ]
    return "\n\n".join([*parts, "More reports:", "\n".join(links)])


def _title(report: str) -> str:
    return report.partition("\n")[0].removeprefix("# ")


def _without_settings(name: str, report: str) -> str:
    """Return title, tables, what was published, when and where."""
    _, *body, measured = report.split("\n\n")
    kept = [paragraph for paragraph in body if not paragraph.startswith("Ours:")]
    head = f"**{_title(report)}** ([whole report](benchmarks/results/{name}.md))"
    when = measured.partition("; Python")[0]
    return "\n\n".join([head, *kept, f"{when}."])


def main() -> None:
    """Rewrite what stands between the markers."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    body = section(ROOT / "benchmarks" / "results")
    readme.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
