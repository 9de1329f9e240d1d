"""Runs jobs side by side on this machine, each in its own process.

The processes are forked from a server that has imported torch once. So a job starts at once, leaves nothing behind for
the next one, and cannot end any other when it crashes.
"""

import logging
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
    """Runs jobs in processes, and returns the reason of each failure, in the jobs' order; None for a job that succeeded.

    A job that raises `BusyError` is tried again after all others, and then waits.

    - `count`: the number of jobs
    - `job`: makes the job of an index, just before its process starts. The job is pickled by value
    - `limit`: the largest number of processes at a time

    >>> side_by_side(2, job=lambda index: lambda: 1 // index and None, limit=2)
    ['ZeroDivisionError: ... by zero', None]
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
                    receiver, sender = context.Pipe(duplex=False)
                    process = context.Process(target=_work, args=(cloudpickle.dumps(job(index)), patient, sender))
                    with _without_main():
                        process.start()
                    sender.close()
                    running[process] = (index, receiver)
                shown.set_postfix_str(f"{len(running)} running, {len(waiting)} waiting, {failed} failed")
                wait([process.sentinel for process in running])
                for process in [process for process in running if not process.is_alive()]:
                    index, receiver = running.pop(process)
                    if process.exitcode == BUSY:
                        waiting.append((index, True))
                    else:
                        reasons[index] = _reason(process, receiver)
                        failed += reasons[index] is not None
                        shown.update()
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.join()
    return reasons


def cores() -> int:
    """Counts the cores that this process may use.

    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(job: bytes, patient: bool, sender: Connection) -> None:
    """Does a job within its process. The exit code is 0, or 1 after the reason of a failure is sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    logging.raiseExceptions = False  # A full disk cuts the log short. The reason of the failure is sent anyway.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not patient:
        os.environ[IMPATIENT] = "1"
    try:
        cloudpickle.loads(job)()
    except BusyError:
        sys.exit(BUSY)
    except Exception as error:
        sender.send(explain(error))
        sys.exit(1)


def _end_with_parent() -> None:
    """Ends this process together with its parent. Otherwise the next sweep would find its run still being computed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _reason(process: BaseProcess, receiver: Connection) -> str | None:
    """The reason that a process sent, or else the meaning of its exit code; None if it succeeded."""
    code = process.exitcode or 0
    if code == 0:
        return None
    with suppress(EOFError), receiver:
        return str(receiver.recv())
    return (
        f"its process was killed ({signal.Signals(-code).name})" if code < 0 else f"its process ended with code {code}"
    )


def _context() -> Any:
    """The source of new processes, with torch imported before the first one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["byzdl.runs.execute"])
    # By default the server looks for byzdl in the current folder first, and not beside train.py.
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
