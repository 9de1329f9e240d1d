"""`python -m byzdl.analysis FOLDER`: the figures and tables of a folder of runs, and what is missing from it.

`python -m byzdl.analysis compare A B` compares two folders.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from byzdl.analysis import compare
from byzdl.analysis.figures import draw
from byzdl.analysis.load import AnalysisError, Run, deeper, find, rows
from byzdl.analysis.output import absences, save_all, save_text
from byzdl.analysis.tables import final_accuracy, to_latex, to_markdown

FIGURES = {"accuracy": "accuracy_mean", "worst": "accuracy_worst"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw what is done and say what isn't.

    **Raises:** `SystemExit` with one line where nothing can be drawn.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["compare"]:
        compare.main(arguments[1:])
        return
    parser = argparse.ArgumentParser(prog="python -m byzdl.analysis", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of runs, such as outputs")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; FOLDER/figures by default")
    options = parser.parse_args(arguments)
    try:
        runs = find(options.folder)
        done = [run for run in runs if run.status == "done"]
        if done:
            for file in write(done, options.out or options.folder / "figures"):
                print(file)
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl.analysis: {error}")
    print(absences(runs), file=sys.stderr, end="")
    if not done:
        sys.exit(
            f"byzdl.analysis: {options.folder}: no run in it is done, so there is nothing to draw{deeper(options.folder)}"
        )


def write(done: Sequence[Run], out: Path) -> list[Path]:
    """The figures and tables of these runs; the files written."""
    frame = rows(done)
    out.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for name, column in FIGURES.items():
        files += save_all(draw(frame, column), out / name)
    table = final_accuracy(frame)
    texts = {"csv": table.to_csv(index=False), "md": to_markdown(table), "tex": to_latex(table)}
    return [*files, *(save_text(out / f"final_accuracy.{ending}", text) for ending, text in texts.items())]


if __name__ == "__main__":
    main()
