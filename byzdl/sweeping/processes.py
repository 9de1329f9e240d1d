"""Jobs side by side on this machine, each in a process of its own.

The processes are forked from a server that has imported torch once: a job starts in a moment, leaves nothing behind
for the next one, and takes no other down with it when it dies.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import cloudpickle

from byzdl.config.explain import explain
from byzdl.progress import bar
from byzdl.runs.folder import IMPATIENT, BusyError

BUSY = 75  # the exit code of a job that another process computes

Job = Callable[[], None]


def side_by_side(count: int, job: Callable[[int], Job], limit: int) -> list[str | None]:
    """Runs jobs in processes, and returns why each failed, in their order; None for a job that did not.

    A job that raises `BusyError` is tried again after all others, and then waits.

    - `count`: the number of jobs
    - `job`: makes the job of an index, when its process is about to start; it is pickled by value
    - `limit`: the number of processes at a time
    """
    reasons: list[str | None] = [None] * count
    failed = 0
    waiting = deque((index, False) for index in range(count))
    running: dict[BaseProcess, tuple[int, Connection]] = {}
    context = _context()
    with bar(count, "run") as shown:
        try:
            while waiting or running:
                while waiting and len(running) < limit:
                    index, patient = waiting.popleft()
                    heard, say = context.Pipe(duplex=False)
                    process = context.Process(target=_work, args=(cloudpickle.dumps(job(index)), patient, say))
                    with _without_main():
                        process.start()
                    say.close()
                    running[process] = (index, heard)
                shown.set_postfix_str(f"{len(running)} running, {len(waiting)} waiting, {failed} failed")
                wait([process.sentinel for process in running])
                for process in [process for process in running if not process.is_alive()]:
                    index, heard = running.pop(process)
                    if process.exitcode == BUSY:
                        waiting.append((index, True))
                    else:
                        reasons[index] = _reason(process, heard)
                        failed += reasons[index] is not None
                        shown.update()
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.join()
    return reasons


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(job: bytes, patient: bool, say: Connection) -> None:
    """Does a job in its own process: exit code 0, or 1 once the reason of a failure is sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not patient:
        os.environ[IMPATIENT] = "1"
    try:
        cloudpickle.loads(job)()
    except BusyError:
        sys.exit(BUSY)
    except Exception as error:
        say.send(explain(error))
        sys.exit(1)


def _end_with_parent() -> None:
    """Ends this process with its parent: a job that outlived its sweep would be computed by the next sweep, too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _reason(process: BaseProcess, heard: Connection) -> str | None:
    """Why a process failed: what it sent, or else what its exit code means."""
    code = process.exitcode or 0
    if code == 0:
        return None
    with suppress(EOFError), heard:
        return str(heard.recv())
    return (
        f"its process was killed ({signal.Signals(-code).name})" if code < 0 else f"its process ended with code {code}"
    )


def _context() -> Any:
    """The source of new processes, with torch imported before the first one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["byzdl.runs.execute"])
    # By itself the server would look for byzdl in the current folder first, and not beside train.py.
    with _environment(PYTHONPATH=os.pathsep.join(sys.path), PYTHONSAFEPATH="1"):
        forkserver.ensure_running()
    return context


@contextmanager
def _without_main() -> Iterator[None]:
    """Hides the file of `__main__`: a new process would otherwise execute a script that lacks a main guard."""
    main = sys.modules["__main__"]
    hidden = {name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__}
    main.__dict__.pop("__file__", None)
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
