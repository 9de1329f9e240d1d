"""Commands as a user types them: within this process, or each in a process of its own."""

import contextlib
import csv
import importlib
import io
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

ROOT = Path(__file__).parents[1]

TINY = [
    "dataset=synthetic",
    "dataset.train_count=240",
    "dataset.test_count=40",
    "model=linear",
    "rounds=4",
    "eval_every=2",
    "batch_size=8",
    "topology.n=6",
    "topology.cr=0.8",
]


def train(
    *arguments: str, cwd: Path, limits: Mapping[int, int] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python train.py ...` in a folder, under limits of resources. All its files go to that folder."""
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
        preexec_fn=lambda: [resource.setrlimit(key, (most, most)) for key, most in (limits or {}).items()],
    )


def train_here(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, which has imported torch already: for what is not about processes."""
    from byzdl.commands.door import door
    from byzdl.commands.train import train as function

    def command(typed: list[str]) -> None:
        with door():
            function(typed)

    return _answered(command, [str(ROOT / "train.py"), *arguments], cwd, environment)


def byzdl_here(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `byzdl ...` in a folder, within this process."""
    from byzdl.commands.main import main

    return _answered(lambda _: main(arguments), ["byzdl", *arguments], cwd, {})


def _answered(
    command: Callable[[list[str]], None], typed: list[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """What a command answers, as if it had a process of its own."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        _as_it_was(cwd),
        patch.dict(os.environ, environment),
        patch.object(sys, "argv", typed),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            command(typed)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code, file=err)
        except Exception:
            traceback.print_exc(file=err)
            code = 1
    return subprocess.CompletedProcess(typed, code, out.getvalue(), err.getvalue())


@contextmanager
def _as_it_was(cwd: Path) -> Iterator[None]:
    """Enters a folder, and restores what a command sets for its whole process: logs, paths, modules of one's own."""
    root, reports = logging.getLogger(), logging.raiseExceptions
    handlers, level, modules = [*root.handlers], root.level, {*sys.modules}
    importlib.invalidate_caches()
    with (
        contextlib.chdir(cwd),
        patch.object(sys, "path", [*sys.path]),
        patch.object(sys, "dont_write_bytecode", True),  # an edited file may be as long and as old as it was
        patch.dict(os.environ),
        patch.object(HydraConfig.instance(), "cfg", None),
    ):
        try:
            yield
        finally:
            for handler in {*root.handlers} - {*handlers}:
                handler.close()
            root.handlers[:], root.level, logging.raiseExceptions = handlers, level, reports
            GlobalHydra.instance().clear()
            for name in {*sys.modules} - modules:
                if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{cwd}/"):
                    del sys.modules[name]


def unread(*arguments: str, unbuffered: str = "") -> tuple[int, str]:
    """The exit code and the errors of a Python program whose output has no reader."""
    command = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered, "PYTHONPATH": str(ROOT)},
    )
    assert command.stdout is not None
    command.stdout.close()
    command.stdout = None
    _, errors = command.communicate(timeout=300)
    return command.returncode, errors


T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 150) -> T:
    """Waits for the first true answer."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return answer


@contextmanager
def endless_sweep(cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """Starts a sweep that does not end by itself, and kills it in the end."""
    sweep = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), "-m", *TINY, "rounds=1000000", "eval_every=1000000"],
        cwd=cwd,
        stderr=subprocess.PIPE,
        text=True,
        # If a shell runs the tests in the background, they and their processes ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield sweep
    finally:
        sweep.kill()
        sweep.communicate()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def run_folders(outputs: Path) -> list[Path]:
    return sorted(file.parent for file in outputs.glob("*/run.json"))


def rows(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))
