"""The working trees that are timed: this one, and, for a comparison, that of another commit."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Tree(NamedTuple):
    """A folder with byzdl and its configurations, as Git has it at a commit, or as it is now."""

    name: str
    folder: Path


HERE = Tree("this", ROOT)


@contextmanager
def beside(commit: str | None) -> Iterator[list[Tree]]:
    """Yields this working tree, with its uncommitted changes, and the tree of the commit, if one is named.

    The latter is a Git worktree in a temporary folder, and is removed at the end.
    """
    if commit is None:
        yield [HERE]
        return
    name = _git("rev-parse", "--short", "--verify", f"{commit}^{{commit}}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / name
        _git("worktree", "add", "--detach", str(folder), name)
        try:
            yield [HERE, Tree(name, folder)]
        finally:
            _git("worktree", "remove", "--force", str(folder))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: git {' '.join(arguments)} says {done.stderr.strip()}")
    return done.stdout.strip()
