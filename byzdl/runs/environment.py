"""The programs behind a run: their versions, and the commit of byzdl. The same for all runs of a process."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from byzdl.config.keys import VERSION

PACKAGES = ("torch", "torchvision", "numpy", "networkx", "hydra-core", "omegaconf", "pydantic")


@cache
def environment() -> dict[str, Any]:
    """Returns the machine, the versions and the commit, as run.json has them. They are found out once a process.

    >>> list(environment())
    ['machine', 'python', 'packages', 'git_commit']
    """
    return {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "packages": {"byzdl": VERSION, **{name: version(name) for name in PACKAGES}},
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """The commit of byzdl's working tree, with `+changes` if files differ from it; None outside of a working tree."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+changes" if dirty else commit
