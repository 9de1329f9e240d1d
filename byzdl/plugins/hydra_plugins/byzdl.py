"""Sweeps: Hydra's plugins that run a multirun's combinations side by side on this machine.

Every run is a process of its own, forked from a server that has imported torch once: it
starts in a moment, leaves nothing behind for the next one, and takes nothing down with it
when it dies.

The file lies here because Hydra takes plugins from the namespace package `hydra_plugins` alone.
"""

import hashlib
import json
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cloudpickle
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from tqdm import tqdm

from byzdl.identity import identity, plain
from byzdl.runs import is_done, read_status
from byzdl.schema import ConfigError


@dataclass(frozen=True)
class Planned:
    """One combination of a sweep: what was asked for, and where it will be written, or why it can't be."""

    overrides: tuple[str, ...]
    config: DictConfig | None = None
    folder: Path | None = None
    refused: str | None = None
    done: bool = False


class Sweeper(BasicSweeper):
    """Hydra's basic sweeper, without its refusal of a whole sweep for one combination that cannot be composed."""

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Left to the launcher, which composes every combination anyway."""


class LocalLauncher(Launcher):
    """Runs combinations as processes, some at a time; skips what is done, tells what failed.

    - `jobs`: how many at a time; None for cores / threads
    """

    def __init__(self, jobs: int | None = None):
        if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
            raise ConfigError.of("hydra.launcher.jobs", jobs, "an integer, at least 1, or null for cores / threads")
        self.jobs = jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Compute every combination that is not done.

        **Raises:** `SystemExit` with the list of what failed and why, if anything did.
        """
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        plan = [self._plan(initial_job_idx + i, overrides) for i, overrides in enumerate(job_overrides)]
        _write_manifest(Path(str(self.config.hydra.sweep.dir)), plan)
        failures = {run.overrides: run.refused for run in plan if run.refused}
        failures |= self._compute(plan)
        done = len(plan) - len(failures)
        print(f"{done} of {len(plan)} runs done in {self.config.hydra.sweep.dir}", file=sys.stderr)
        if failures:
            lines = [f"  {' '.join(overrides)}: {why}" for overrides, why in failures.items()]
            sys.exit("\n".join([f"byzdl: {len(failures)} of {len(plan)} runs failed:", *lines]))
        return [_returned(run) for run in plan]

    def _plan(self, index: int, overrides: Sequence[str]) -> Planned:
        from byzdl.cli import explain

        asked = tuple(filter_overrides(overrides))
        try:
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = index
                # The console shows the sweep, not its runs.
                config.hydra.job_logging.root.handlers = ["file"]
            folder = Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)
            return Planned(asked, config, folder, done=is_done(folder, identity(plain(config))))
        except (ConfigError, HydraException, OmegaConfBaseException, FileExistsError) as error:
            return Planned(asked, refused=explain(error))

    def _compute(self, plan: Sequence[Planned]) -> dict[tuple[str, ...], str]:
        """Run what is left to do; the reasons of what failed."""
        unique = {run.folder: run for run in plan if run.config is not None and not run.done}
        waiting = deque(unique.values())
        running: dict[BaseProcess, Planned] = {}
        failures: dict[tuple[str, ...], str] = {}
        limit = self.jobs or max(1, _cores() // _threads(self.config))
        context = _context()
        task = cloudpickle.dumps(self.task_function)
        # disable=None: no bar where the output is not a terminal
        with tqdm(total=len(plan), initial=len(plan) - len(waiting), unit="run", disable=None) as bar:
            try:
                while waiting or running:
                    while waiting and len(running) < limit:
                        run = waiting.popleft()
                        process = context.Process(target=_job, args=(self.hydra_context, task, run.config))
                        process.start()
                        running[process] = run
                    bar.set_postfix_str(f"{len(running)} running, {len(waiting)} waiting, {len(failures)} failed")
                    wait([process.sentinel for process in running])
                    for process in [process for process in running if not process.is_alive()]:
                        run = running.pop(process)
                        if why := _failure(process, run):
                            failures[run.overrides] = why
                        bar.update()
            finally:
                for process in running:
                    process.terminate()
        return failures


def _job(hydra_context: HydraContext, task: bytes, config: DictConfig) -> None:
    """One run, in its own process: exit code 0 if it is done, 1 if it failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the launcher's to answer
    import byzdl.cli  # noqa: F401 - registers the resolver in this process

    setup_globals()
    result = run_job(
        hydra_context=hydra_context,
        task_function=cloudpickle.loads(task),
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    sys.exit(0 if result.status == JobStatus.COMPLETED else 1)


def _failure(process: BaseProcess, run: Planned) -> str | None:
    """Why a run whose process has ended has no result; None if it has one."""
    assert run.folder is not None
    status = read_status(run.folder)
    if process.exitcode == 0 and status.get("status") == "done":
        return None
    if process.exitcode is not None and process.exitcode < 0:
        return f"its process was killed ({signal.Signals(-process.exitcode).name}); see {run.folder / 'run.log'}"
    return str(status.get("error", f"its process ended with code {process.exitcode} and said nothing"))


def _write_manifest(folder: Path, plan: Sequence[Planned]) -> None:
    """Say which runs belong to this sweep, so that analysis can tell which are missing."""
    runs: list[dict[str, Any]] = [
        {"name": run.folder.name if run.folder else None, "overrides": run.overrides, "refused": run.refused}
        for run in plan
    ]
    text = json.dumps({"schema": 1, "runs": runs}, indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    (folder / f"sweep-{digest}.json").write_text(text, encoding="utf-8")


def _returned(run: Planned) -> JobReturn:
    return JobReturn(overrides=run.overrides, cfg=run.config, status=JobStatus.COMPLETED, _return_value=None)


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["byzdl.run"])
    return context


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(config: DictConfig) -> int:
    threads = OmegaConf.select(config, "threads")
    return threads if isinstance(threads, int) and threads > 0 else 1
