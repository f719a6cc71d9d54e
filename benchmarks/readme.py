"""Put headlines of ``benchmarks/results`` into the README: ``python -m benchmarks.readme``."""

import re
from pathlib import Path

from benchmarks.headlines import HEADLINES, filled
from benchmarks.report import table

ROOT = Path(__file__).resolve().parents[1]
MEASURED = re.compile(r"^Measured ([\d-]+) by .* on (.*?); Python", re.M)
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def section(folder: Path) -> str:
    """Return a table of headlines, each with its report and when that was measured, and links to other reports."""
    reports = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.md"))}
    rows = []
    for report, what, ours, beside in HEADLINES:
        text = reports[report]
        measured = f"[{MEASURED.search(text)[1]}](benchmarks/results/{report}.md)"
        rows.append([what, filled(ours, text), filled(beside, text), measured])
    shown = {line.report for line in HEADLINES}
    links = [
        f"- [{_title(text)}](benchmarks/results/{name}.md)"
        for name, text in reports.items()
        if name not in shown
    ]
    machines = " or ".join(sorted({MEASURED.search(text)[2] for text in reports.values()}))
    drawn = table(["what", "ours", "beside", "measured"], rows)
    note = f"Measured by `python -m benchmarks NAME` on {machines}; every date leads to its report, with all figures."
    return "\n\n".join([drawn, note, "More reports:", "\n".join(links)])


def _title(report: str) -> str:
    return report.partition("\n")[0].removeprefix("# ")


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
