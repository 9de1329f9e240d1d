"""`byzdl runs merge A B --into C` copies the runs and sweeps of several folders into one."""

import hashlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from byzdl.analysis.files import AnalysisError, record
from byzdl.commands.merge_plan import Plan, planned
from byzdl.commands.words import counted
from byzdl.config.types import ConfigError
from byzdl.files import replace_file
from byzdl.runs.folder import LOCK

# Everything is copied in here first, and then renamed.
ASIDE = ".merging"


def merge(folders: Sequence[Path], into: Path, keep_first: bool = False, dry: bool = False) -> None:
    """Copies runs into one folder, and prints what it copied and what not. The folders stay as they are.

    - Two equal results of one run become one. Two different ones are refused, unless `keep_first`.
    - A result comes before an unfinished run. Of two unfinished ones, the one that started last is copied, with its
      checkpoint.
    - Runs that are being computed, or cannot be read, are left out.
    - Nothing in `into` is overwritten. A merge that is stopped leaves whole runs alone there; started again it goes on.

    - `folders`: folders of runs
    - `into`: the folder to copy to, which may hold runs already
    - `keep_first`: whether to keep the result of the folder named first, `into` before all
    - `dry`: whether only to print

    **Raises:** `AnalysisError` if a folder has no run; `SystemExit` with a line for each run that is refused.
    """
    if (into / "run.json").exists():
        raise ConfigError.of("--into", str(into), "a folder of runs, not a run")
    if into.exists() and not into.is_dir():
        raise ConfigError.of("--into", str(into), "a folder")
    plan = planned(folders, into, keep_first)
    if plan.refused:
        hint = [] if keep_first else ["--keep-first keeps the result of the folder named first"]
        lines = [f"byzdl: nothing is merged, as {counted(len(plan.refused), 'run')} cannot be:", *plan.refused, *hint]
        sys.exit("\n".join(lines))
    if not dry and (plan.copies or plan.sweeps):
        _copy(plan, into)
    print("\n".join(_told(plan, into, dry)))


def _told(plan: Plan, into: Path, dry: bool) -> Iterator[str]:
    verb = "would copy" if dry else "copied"
    yield f"{verb} {counted(len(plan.copies), 'run')} into {into}; there already, or in two folders: {len(plan.same)}"
    for folder, count in Counter(str(copy.origin) for copy in plan.copies).items():
        yield f"  from {folder}: {count}"
    for name, why in plan.left_out:
        yield f"  left out: {name}: {why}"


def _copy(plan: Plan, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    with _alone(into):
        aside = into / ASIDE
        shutil.rmtree(aside, ignore_errors=True)  # left by a merge that was killed
        aside.mkdir()
        try:
            for number, copy in enumerate(plan.copies):
                _copied(copy.run.folder, aside / str(number))
            # First the manifests: whatever happens now, the runs that are not there yet are known to be missing.
            for sweep in plan.sweeps:
                _write_manifest(sweep, plan.names, into)
            for number, copy in enumerate(plan.copies):
                target = into / copy.name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(aside / str(number), target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _copied(source: Path, target: Path) -> None:
    """Copies a run's folder, with a checkpoint but without its lock."""
    ignored = shutil.ignore_patterns(LOCK, ".*.[0-9]*")
    try:
        shutil.copytree(source, target, ignore=ignored, copy_function=_copied_file, ignore_dangling_symlinks=True)
    except shutil.Error as error:  # a list of what could not be copied
        file, _, why = error.args[0][0]
        raise AnalysisError(f"{file}: cannot be copied ({why}); nothing is merged") from error


def _copied_file(source: str, target: str) -> None:
    """Copies a file with its times, and flushes it to the disk."""
    shutil.copy2(source, target)
    with open(target, "rb+") as opened:
        os.fsync(opened.fileno())


def _write_manifest(file: Path, names: Mapping[Path, str], into: Path) -> None:
    """Writes a sweep's manifest with the names that its runs have in their new folder."""
    facts = record(file)
    for run in facts["runs"]:
        if run["name"] is not None and not run["refused"]:
            run["name"] = names.get(file.parent / run["name"], run["name"])
    text = file.read_bytes()
    if json.loads(text) != facts:
        text = json.dumps(facts, indent=1).encode()
    target = into / f"sweep-{hashlib.sha256(text).hexdigest()[:10]}.json"
    if not target.exists():
        replace_file(target, text)
        shutil.copystat(file, target)  # with the time of the planning


@contextmanager
def _alone(into: Path) -> Iterator[None]:
    """Keeps other merges out of the folder."""
    lock = into / LOCK
    try:
        with FileLock(lock, timeout=0):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise ConfigError.of("--into", str(into), "a folder that no other merge writes to now") from None
