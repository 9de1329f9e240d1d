"""`byzdl runs forget|rm|merge`: what people do with folders of runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from byzdl.analysis.files import AnalysisError
from byzdl.commands.door import door
from byzdl.commands.forget import forget
from byzdl.commands.merge import merge
from byzdl.commands.remove import REMOVABLE, remove

DRY = "only show what would be done"


def main(arguments: Sequence[str] | None = None) -> None:
    """Forgets a sweep, removes runs, or merges folders, and prints what it did.

    **Raises:** `SystemExit` with one line, or a line per run, if it cannot be done; `ConfigError` for unknown names.
    """
    parser = argparse.ArgumentParser(prog="byzdl runs", description="Forgets sweeps, removes runs, merges folders.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    forgetting = actions.add_parser(
        "forget",
        help="forget a sweep",
        description="Forgets a sweep: what it planned is no longer missing. All runs stay.",
    )
    forgetting.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of the sweep's runs")
    forgetting.add_argument("sweep", metavar="SWEEP", help="the sweep's name, as `byzdl status FOLDER` shows it")
    forgetting.add_argument("--dry-run", action="store_true", help=DRY)
    forgetting.set_defaults(act=lambda given: forget(given.folder, given.sweep, given.dry_run))

    removing = actions.add_parser("rm", help="remove runs", description="Removes runs by name, by status, or by both.")
    removing.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of runs")
    removing.add_argument("names", nargs="*", metavar="RUN", help="a run's name, or a pattern such as '*-ubar-*'")
    for status, meaning in REMOVABLE.items():
        removing.add_argument(f"--{status}", dest="statuses", action="append_const", const=status, help=meaning)
    removing.add_argument("--yes", action="store_true", help="remove them without a question")
    removing.add_argument("--dry-run", action="store_true", help=DRY)
    removing.set_defaults(
        act=lambda given: remove(given.folder, given.names, given.statuses or [], given.yes, given.dry_run)
    )

    merging = actions.add_parser(
        "merge", help="copy runs into one folder", description="Copies the runs and sweeps of several folders into one."
    )
    merging.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of runs")
    merging.add_argument("--into", required=True, type=Path, metavar="FOLDER", help="where to copy them")
    merging.add_argument(
        "--keep-first", action="store_true", help="of two different results of one run, keep that of the first folder"
    )
    merging.add_argument("--dry-run", action="store_true", help=DRY)
    merging.set_defaults(act=lambda given: merge(given.folders, given.into, given.keep_first, given.dry_run))

    given = parser.parse_args(arguments)
    try:
        given.act(given)
    except AnalysisError as error:
        sys.exit(f"byzdl: {error}")
    except KeyboardInterrupt:
        print("byzdl: interrupted; the same command does the rest", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    with door():
        main()
