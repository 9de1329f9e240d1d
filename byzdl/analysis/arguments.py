"""The arguments that the commands of analysis share: folders of runs, and where to write."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def parse(arguments: Sequence[str] | None, prog: str, description: str, default: str) -> tuple[list[Path], Path]:
    """Parses `FOLDER [FOLDER ...] [--out PATH]`.

    - `default`: the name within the folder to write to; with several folders there is no default

    **Returns:** the folders, and where to write.

    **Raises:** `SystemExit` for wrong arguments.

    >>> parse(["outputs/default"], "byzdl report", "", "report.html")[1].as_posix()
    'outputs/default/report.html'
    """
    parser = argparse.ArgumentParser(prog=prog, description=description)
    folders = "a folder of runs, such as outputs, or several"
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help=folders)
    out = f"where to write, by default FOLDER/{default}; needed with several folders"
    parser.add_argument("--out", type=Path, metavar="PATH", help=out)
    options = parser.parse_args(arguments)
    if options.out is None and options.folders[1:]:
        sys.exit(f"byzdl: --out is missing, but must name where to write, as there are {len(options.folders)} folders")
    return options.folders, options.out or options.folders[0] / default
