"""`byzdl report FOLDER`: writes one HTML page of a folder of runs, for any browser."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from byzdl.analysis.load import AnalysisError, find


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the page.

    **Raises:** `SystemExit` with one line if there is nothing to show, or if Plotly is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="byzdl report", description="Writes one HTML page of a folder of runs, for any browser."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of runs, such as outputs")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write, by default FOLDER/report.html")
    options = parser.parse_args(arguments)
    try:
        from byzdl.analysis.report.page import page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":
            raise
        sys.exit("byzdl: the report needs Plotly, which is not installed: pip install 'byzdl[report]'")
    try:
        runs = find(options.folder)
        if not any(run.status == "done" for run in runs):
            raise AnalysisError(f"{options.folder}: no run in it is done, so there is nothing to show")
        text = page(options.folder.resolve().name, runs)
        out = options.out or options.folder / "report.html"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8", newline="\n")
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")
    print(out)


if __name__ == "__main__":
    main()
