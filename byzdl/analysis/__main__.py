"""`byzdl figures FOLDER ...`: draws the figures and writes the tables of folders of runs, and lists missing results.

`python -m byzdl.analysis FOLDER` is the same, and `python -m byzdl.analysis compare A B` is `byzdl compare A B`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from byzdl.analysis import compare
from byzdl.analysis.arguments import parse
from byzdl.analysis.figures import draw
from byzdl.analysis.load import AnalysisError, Run, find, finished, rows
from byzdl.analysis.output import absences, save_all, save_text
from byzdl.analysis.scores import by_score
from byzdl.analysis.tables import final_accuracy, to_latex, to_markdown
from byzdl.pipe import reader


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the finished runs, and lists the others.

    **Raises:** `SystemExit` with one line if nothing can be drawn.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["compare"]:
        compare.main(arguments[1:])
        return
    description = "Draws accuracy curves, writes tables of final accuracy, lists missing results."
    folders, out = parse(arguments, "byzdl figures", description, "figures")
    try:
        runs = find(*folders)
        print(absences(runs), file=sys.stderr, end="")
        for file in write(finished(runs, *folders), out):
            print(file)
    except BrokenPipeError:  # Nobody reads on, which is no error of a file.
        raise
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")


def write(done: Sequence[Run], out: Path) -> list[Path]:
    """Writes the figures and tables of these runs, for each score its own. Returns the files."""
    files: list[Path] = []
    for score, runs in by_score(done):
        frame = rows(runs)
        out.mkdir(parents=True, exist_ok=True)
        for name, column in {score.name: score.mean, f"{score.prefix}worst": score.worst}.items():
            files += save_all(draw(frame, column), out / name)
        table = final_accuracy(frame)
        texts = {"csv": table.to_csv(index=False), "md": to_markdown(table), "tex": to_latex(table)}
        files += [save_text(out / f"final_{score.name}.{ending}", text) for ending, text in texts.items()]
    return files


if __name__ == "__main__":
    with reader():
        main()
