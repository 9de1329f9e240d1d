"""`byzdl COMMAND`: one entry point for all commands. A command is imported only when it is called."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from byzdl.commands.door import door

# Each command: its arguments, its purpose, and its function.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("[--from RUN] [GROUP=CHOICE] [KEY=VALUE] ...", "one run", "byzdl.commands.train:train"),
    "sweep": ("NAME | GROUP=A,B KEY=1,2 ...", "a named sweep, or every combination", "byzdl.commands.train:sweep"),
    "status": ("[FOLDER ...]", "done, running, failed and missing runs", "byzdl.commands.status:main"),
    "figures": ("FOLDER ...", "accuracy curves and tables", "byzdl.analysis.__main__:main"),
    "report": ("FOLDER ...", "one HTML page to explore", "byzdl.analysis.report.__main__:main"),
    "compare": ("A B", "two folders, run by run", "byzdl.analysis.compare:main"),
    "leaderboard": ("FOLDER ...", "heatmaps and rankings", "byzdl.analysis.leaderboard:main"),
    "runs": ("forget | rm | merge ...", "forget a sweep, remove runs, merge folders", "byzdl.commands.runs:main"),
    "split": ("[KEY=VALUE] ...", "a picture of the data of each node", "byzdl.commands.split:main"),
    "estimate": ("[KEY=VALUE] ...", "the memory and the time of a run", "byzdl.commands.estimate:main"),
    "list": ("[GROUP]", "all choices, with a line each", "byzdl.commands.describe:list_choices"),
    "explain": (
        "KEY | GROUP | CHOICE",
        "a key's or a choice's meaning, type and default",
        "byzdl.commands.describe:explain",
    ),
}

# These take the program's name in front of the arguments, for Hydra.
WITH_PROGRAM = {"run", "sweep"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Calls a command.

    - `arguments`: the command and its arguments; those of the process by default

    **Raises:** `SystemExit` with one line for wrong input.

    >>> main(["list", "pre"])
    pre:
      arc  ...
    """
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    with door():
        if command in ("-h", "--help"):
            print(usage())
            return
        if command not in COMMANDS:
            from byzdl.config.types import ConfigError

            raise ConfigError.unknown("command", command, COMMANDS)
        module, _, name = COMMANDS[command][2].partition(":")
        function: Callable[[Sequence[str]], None] = getattr(import_module(module), name)
        function([f"byzdl {command}", *rest] if command in WITH_PROGRAM else rest)


def usage() -> str:
    """Lists the commands, a line each.

    >>> usage().splitlines()[0]
    'byzdl: experiment sweeps for Byzantine-resilient decentralized learning'
    """
    width = max(len(f"{name} {takes}") for name, (takes, _, _) in COMMANDS.items())
    lines = [f"  byzdl {f'{name} {takes}':{width}s}  {does}" for name, (takes, does, _) in COMMANDS.items()]
    return "\n".join(
        [
            "byzdl: experiment sweeps for Byzantine-resilient decentralized learning",
            "",
            *lines,
            "",
            "Every command explains itself with --help, such as: byzdl run --help",
        ]
    )


if __name__ == "__main__":
    main()
