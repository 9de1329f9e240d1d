"""`byzdl figures FOLDER`: draws the figures and writes the tables of a folder of runs, and lists missing results.

`python -m byzdl.analysis FOLDER` is the same, and `python -m byzdl.analysis compare A B` is `byzdl compare A B`.
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
    """Draws the finished runs, and lists the others.

    **Raises:** `SystemExit` with one line if nothing can be drawn.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["compare"]:
        compare.main(arguments[1:])
        return
    parser = argparse.ArgumentParser(
        prog="byzdl figures",
        description="Draws accuracy curves, writes tables of final accuracy, lists missing results.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of runs, such as outputs")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write, by default FOLDER/figures")
    options = parser.parse_args(arguments)
    try:
        runs = find(options.folder)
        done = [run for run in runs if run.status == "done"]
        if done:
            for file in write(done, options.out or options.folder / "figures"):
                print(file)
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")
    print(absences(runs), file=sys.stderr, end="")
    if not done:
        sys.exit(f"byzdl: {options.folder}: no run in it is done, so there is nothing to draw{deeper(options.folder)}")


def write(done: Sequence[Run], out: Path) -> list[Path]:
    """Writes the figures and tables of these runs. Returns the files."""
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
