"""Writes files and messages for the commands of analysis."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from byzdl.analysis.figures import save
from byzdl.analysis.load import Run
from byzdl.analysis.scores import Score


def absences(runs: Sequence[Run]) -> str:
    """Lists the runs without a result, with the reasons. Empty if all are done.

    >>> print(absences([Run("a", "done"), Run("b", "missing", "seed=1")]), end="")
    byzdl: 1 of 2 runs have no result and are in no figure or table:
      missing: b: seed=1
    byzdl status tells which sweeps want the missing runs, and how to forget them
    """
    by_status = sorted(runs, key=lambda run: run.status)
    absent = [run for run in by_status if run.status not in ("done", "superseded")]
    older = [run for run in runs if run.status == "superseded"]
    lines = [f"  {run.status}: {run.name}{f': {run.why}' if run.why else ''}" for run in [*absent, *older]]
    if absent:
        total = len(runs) - len(older)
        lines.insert(0, f"byzdl: {len(absent)} of {total} runs have no result and are in no figure or table:")
        if any(run.status == "missing" for run in absent):
            lines.append("byzdl status tells which sweeps want the missing runs, and how to forget them")
    elif older:
        lines.insert(0, "byzdl: older results of the same configurations are left out:")
    return "".join(f"{line}\n" for line in lines)


def save_all(figures: Iterable[tuple[str, Figure]], stem: Path) -> Iterator[Path]:
    """Writes each setting's figure, with the setting's label behind the stem's name. Yields the files."""
    for setting, figure in figures:
        yield from save(figure, stem.with_name(f"{stem.name}{_suffix(setting)}"))


def save_text(file: Path, text: str) -> Path:
    """Writes a text with the same bytes on every system. Returns the file."""
    file.write_text(text, encoding="utf-8", newline="\n")
    return file


def named_apart(file: Path, scores: Iterable[Score]) -> list[Path]:
    """Names a file for each score: the first as asked for, others with their prefix in front.

    >>> from byzdl.analysis.scores import ACCURACY, R2
    >>> [file.name for file in named_apart(Path("report.html"), [ACCURACY, R2])]
    ['report.html', 'r2_report.html']
    """
    return [file.with_name(f"{score.prefix if i else ''}{file.name}") for i, score in enumerate(scores)]


def _suffix(setting: str) -> str:
    """Turns a label into the end of a file name: readable, not too long, and another one for each label.

    A name of other characters than these would not be safe on every system, so a hash tells it apart.
    """
    text = setting.replace(", ", ",")
    if (
        len(text) > 120
        or not re.fullmatch(r"[a-z0-9_.=+-]*(,[a-z0-9_.=+-]+)*", text)
        or text.replace(",", ", ") != setting
    ):
        text = f"{re.sub(r'[^A-Za-z0-9_.=+,-]+', '_', text)[:110]}-{hashlib.sha256(setting.encode()).hexdigest()[:8]}"
    return f"-{text}" if text else ""
