"""Hydra's launcher for this machine: every run is a process of its own, several at a time."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import cloudpickle
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from byzdl.config.explain import RunFailedError, explain
from byzdl.config.types import ConfigError
from byzdl.progress import bar
from byzdl.runs.folder import IMPATIENT, BusyError

BUSY = 75  # the exit code of a run that another process computes


class LocalLauncher(Launcher):
    """Every combination as a process of its own, some at a time.

    They are forked from a server that has imported torch once: a run starts in a moment, leaves
    nothing behind for the next one, and takes nothing down with it when it dies.

    - `jobs`: how many at a time; None for cores / threads
    """

    def __init__(self, jobs: int | None = None):
        if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
            raise ConfigError.of("hydra.launcher.jobs", jobs, "an integer, at least 1, or null for cores / threads")
        self.jobs = jobs
        self.compose: Callable[[Sequence[str]], DictConfig] | None = None  # the sweeper's, faster than Hydra's own

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run each combination in a process; how each ended, in the order asked for."""
        results = [JobReturn(overrides=overrides) for overrides in job_overrides]
        # What another process computes comes last, when there is nothing left but to wait for it.
        waiting = deque((index, False) for index in range(len(results)))
        running: dict[BaseProcess, tuple[int, Connection]] = {}
        limit = self.jobs or max(1, _cores() // _threads(self.config))
        context = _context()
        task = cloudpickle.dumps(self.task_function)
        with bar(len(results), "run") as shown:
            try:
                while waiting or running:
                    while waiting and len(running) < limit:
                        index, patient = waiting.popleft()
                        config = self._config(job_overrides[index], initial_job_idx + index)
                        said, say = context.Pipe(duplex=False)
                        process = context.Process(target=_job, args=(self.hydra_context, task, config, patient, say))
                        process.start()
                        say.close()
                        running[process] = (index, said)
                    failed = sum(result.status == JobStatus.FAILED for result in results)
                    shown.set_postfix_str(f"{len(running)} running, {len(waiting)} waiting, {failed} failed")
                    wait([process.sentinel for process in running])
                    for process in [process for process in running if not process.is_alive()]:
                        index, said = running.pop(process)
                        if process.exitcode == BUSY:
                            waiting.append((index, True))
                        else:
                            _conclude(process, results[index], said)
                            shown.update()
            finally:
                for process in running:
                    process.terminate()
                for process in running:
                    process.join()
        return results

    def _config(self, overrides: Sequence[str], number: int) -> DictConfig:
        if self.compose is not None:
            config = self.compose(overrides)
        else:
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
            # The console shows the sweep, not its runs.
            config.hydra.job_logging.root.handlers = ["file"]
        return config


def _job(hydra_context: HydraContext, task: bytes, config: DictConfig, patient: bool, say: Connection) -> None:
    """One run, in its own process: exit code 0 if it is done; 1 if it failed, and then why is said."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the launcher's to answer
    threading.Thread(target=_end_with_the_sweep, daemon=True).start()
    setup_globals()
    if not patient:
        os.environ[IMPATIENT] = "1"
    result = run_job(
        hydra_context=hydra_context,
        task_function=cloudpickle.loads(task),
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    if result.status != JobStatus.COMPLETED:
        if isinstance(result._return_value, BusyError):
            sys.exit(BUSY)
        say.send(explain(result._return_value))
        sys.exit(1)


def _end_with_the_sweep() -> None:
    """However the sweep's process ends: nobody else would know of this run, and the next sweep would start it again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _conclude(process: BaseProcess, result: JobReturn, said: Connection) -> None:
    """Fill in how a run ended, from what its process said or else from its exit code."""
    code = process.exitcode or 0
    result.status = JobStatus.COMPLETED if code == 0 else JobStatus.FAILED
    why = (
        f"its process was killed ({signal.Signals(-code).name})" if code < 0 else f"its process ended with code {code}"
    )
    with suppress(EOFError), said:
        why = said.recv()
    result.return_value = None if code == 0 else RunFailedError(why)


def _context() -> Any:
    """Where new processes come from, with torch imported before the first one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["byzdl.runs.execute"])
    # By itself the server would look for byzdl in the current folder first, and not beside train.py.
    with _environment(PYTHONPATH=os.pathsep.join(sys.path), PYTHONSAFEPATH="1"):
        forkserver.ensure_running()
    return context


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(config: DictConfig) -> int:
    threads = OmegaConf.select(config, "threads")
    return threads if isinstance(threads, int) and threads > 0 else 1
