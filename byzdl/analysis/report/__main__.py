"""`byzdl report FOLDER ...`: writes one HTML page of folders of runs, for any browser."""

import sys
from collections.abc import Sequence

from byzdl.analysis.arguments import parse
from byzdl.analysis.load import AnalysisError, find, finished
from byzdl.analysis.output import named_apart, save_text
from byzdl.analysis.scores import by_score
from byzdl.pipe import reader


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the page, or if there are runs of both scores, a page for each.

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
        of_score = dict(by_score(finished(runs, *folders)))
        others = [run for run in runs if run.status != "done"]
        title = " + ".join(folder.resolve().name for folder in folders)
        for file, (score, own) in zip(named_apart(out, of_score), of_score.items(), strict=True):
            text = page(f"{title}, {score.label}" if len(of_score) > 1 else title, [*own, *others])
            out.parent.mkdir(parents=True, exist_ok=True)
            print(save_text(file, text))
    except BrokenPipeError:  # Nobody reads on, which is no error of a file.
        raise
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")


if __name__ == "__main__":
    with reader():
        main()
