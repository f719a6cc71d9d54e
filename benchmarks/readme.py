"""Put the tables of ``benchmarks/results`` into the README: ``python -m benchmarks.readme``."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def section(folder: Path) -> str:
    """Return every report of the folder without the settings: title, tables, what was published, when and where."""
    parts = []
    for report in sorted(folder.glob("*.md")):
        title, *body, measured = report.read_text(encoding="utf-8").strip().split("\n\n")
        kept = [paragraph for paragraph in body if not paragraph.startswith("Ours:")]
        head = f"**{title.removeprefix('# ')}** ([whole report](benchmarks/results/{report.name}))"
        when = measured.partition("; Python")[0]
        parts.append("\n\n".join([head, *kept, f"{when}."]))
    return "\n\n".join(parts)


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
