"""`byzdl report FOLDER ...`: writes one HTML page of folders of runs, for any browser."""

import sys
from collections.abc import Sequence

from byzdl.analysis.arguments import parse
from byzdl.analysis.load import AnalysisError, find, finished
from byzdl.pipe import reader


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the page.

    **Raises:** `SystemExit` with one line if there is nothing to show, or if Plotly is not installed.
    """
    description = "Writes one HTML page of folders of runs, for any browser."
    folders, out = parse(arguments, "byzdl report", description, "report.html")
    try:
        from byzdl.analysis.report.page import page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "plotly":
            raise
        sys.exit("byzdl: the report needs Plotly, which is not installed: pip install 'byzdl[report]'")
    try:
        runs = find(*folders)
        finished(runs, *folders)
        text = page(" + ".join(folder.resolve().name for folder in folders), runs)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8", newline="\n")
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")
    print(out)


if __name__ == "__main__":
    with reader():
        main()
