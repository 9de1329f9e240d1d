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
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import cloudpickle

from byzdl.config.explain import explain
from byzdl.progress import bar
from byzdl.runs.folder import IMPATIENT, BusyError
from byzdl.runs.gpus import PLACE
from byzdl.sweeping.sockets import in_short_folder

BUSY = 75  # the exit code of a job that another process computes

Job = Callable[[], Any]


class Ended(NamedTuple):
    """The end of a job.

    - `value`: what the job returned; None after a failure
    - `why`: the reason of its failure; None if it succeeded
    """

    value: Any = None
    why: str | None = None


def side_by_side(count: int, job: Callable[[int], Job], limit: int) -> list[Ended]:
    """Runs jobs in processes, and returns their values and the reasons of their failures, in the jobs' order.

    A job that raises `BusyError` is tried again after all others, and then waits.

    - `count`: the number of jobs
    - `job`: makes the job of an index, just before its process starts. The job and its value are pickled by value
    - `limit`: the largest number of processes at a time

    >>> side_by_side(2, job=lambda index: lambda: 2 // index, limit=2)
    [Ended(value=None, why='ZeroDivisionError: ... by zero'), Ended(value=2, why=None)]
    """
    ended = [Ended()] * count
    failed = 0
    waiting = deque((index, False) for index in range(count))
    running: list[_Running] = []
    context = _context()
    with bar(count, "run") as shown:
        try:
            while waiting or running:
                while waiting and len(running) < limit:
                    index, patient = waiting.popleft()
                    place = min(set(range(limit)) - {one.place for one in running})
                    running.append(_Running.start(context, index, place, job(index), patient))
                shown.set_postfix_str(f"{len(running)} running, {len(waiting)} waiting, {failed} failed")
                # A process with a large message cannot end before the message is read.
                wait([handle for one in running for handle in one.handles])
                for one in running:
                    one.read()
                for one in [one for one in running if not one.process.is_alive()]:
                    running.remove(one)
                    one.read()
                    if one.process.exitcode == BUSY:
                        waiting.append((one.index, True))
                    else:
                        ended[one.index] = one.ended()
                        failed += ended[one.index].why is not None
                        shown.update()
                    one.close()
        finally:
            for one in running:
                one.process.terminate()
            for one in running:
                one.process.join()
                one.close()
    return ended


@dataclass(eq=False)
class _Running:
    """A job in its process.

    - `place`: its place among the jobs that run at the same time, from 0
    - `answer`: its pickled end, once it has been sent
    - `heard`: whether nothing more can come from it
    """

    index: int
    place: int
    process: BaseProcess
    receiver: Connection
    answer: bytes | None = None
    heard: bool = False

    @classmethod
    def start(cls, context: Any, index: int, place: int, job: Job, patient: bool) -> "_Running":
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(cloudpickle.dumps(job), place, patient, sender))
        with _without_main():
            process.start()
        sender.close()
        return cls(index, place, process, receiver)

    @property
    def handles(self) -> list[Any]:
        return [self.process.sentinel, *([] if self.heard else [self.receiver])]

    def read(self) -> None:
        """Reads the answer, if there is one."""
        if not self.heard and self.receiver.poll():
            self.heard = True
            with suppress(EOFError, OSError):  # The process was killed before, or within its answer.
                self.answer = self.receiver.recv_bytes()

    def ended(self) -> Ended:
        """The answer of a process that has ended, or the meaning of its exit code."""
        code = self.process.exitcode or 0
        if self.answer is not None:
            return Ended(*cloudpickle.loads(self.answer))
        if code < 0:
            return Ended(why=f"its process was killed ({signal.Signals(-code).name})")
        return Ended(why=f"its process ended with code {code}")

    def close(self) -> None:
        self.receiver.close()
        self.process.close()


def _work(job: bytes, place: int, patient: bool, sender: Connection) -> None:
    """Does a job within its process, and sends its end. The exit code is 0, or 1 after a failure."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    logging.raiseExceptions = False  # A full disk cuts the log short. The reason of the failure is sent anyway.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ[PLACE] = str(place)
    if not patient:
        os.environ[IMPATIENT] = "1"
    try:
        sender.send_bytes(cloudpickle.dumps(tuple(Ended(value=cloudpickle.loads(job)()))))
    except BusyError:
        sys.exit(BUSY)
    except Exception as error:
        sender.send_bytes(cloudpickle.dumps(tuple(Ended(why=explain(error)))))
        sys.exit(1)


def _end_with_parent() -> None:
    """Ends this process together with its parent. Otherwise the next sweep would find its run still being computed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _context() -> Any:
    """The source of new processes, with torch imported before the first one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # A job is pickled, and needs those modules that made it.
    made = [name for name in sys.modules if name.startswith("byzdl.") and not name.endswith("__main__")]
    context.set_forkserver_preload(["byzdl.sweeping.ready", *made])
    # By default the server looks for byzdl in the current folder first, and not beside train.py.
    with in_short_folder(), _environment(PYTHONPATH=os.pathsep.join(sys.path), PYTHONSAFEPATH="1"):
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
