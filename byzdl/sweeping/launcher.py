"""Hydra's launcher for this machine: each run in its own process, several at a time."""

import logging
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from byzdl.config.explain import WRONG_INPUT, RunFailedError, explain
from byzdl.config.types import ConfigError
from byzdl.cores import cores
from byzdl.runs.place import check_place
from byzdl.sweeping.processes import Job, side_by_side


class LocalLauncher(Launcher):
    """Launches each combination in its own process, several at a time.

    - `jobs`: the largest number of processes at a time; None for cores / threads
    """

    def __init__(self, jobs: int | None = None):
        if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
            raise ConfigError.of("hydra.launcher.jobs", jobs, "an integer, at least 1, or null for cores / threads")
        self.jobs = jobs
        # The sweeper's own composer is faster than Hydra's.
        self.compose: Callable[[Sequence[str]], DictConfig] | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs each combination in a process, and returns their outcomes in the same order."""
        # The same for all runs, and slow to pickle.
        shared = cloudpickle.dumps((self.hydra_context, self.task_function))

        def job(index: int) -> Job:
            try:
                config = self._config(job_overrides[index], initial_job_idx + index)
            except WRONG_INPUT as error:  # One wrong combination stops no other.
                return partial(_refuse, explain(error))
            return partial(_run, shared, pickle.dumps(config))

        ended = side_by_side(len(job_overrides), job, self.jobs or max(1, cores() // _threads(self.config)))
        return [_returned(overrides, *end) for overrides, end in zip(job_overrides, ended, strict=True)]

    def _config(self, overrides: Sequence[str], number: int) -> DictConfig:
        if self.compose is not None:
            config = self.compose(overrides)
        else:
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
            # The console shows the sweep. Its runs write to their own logs.
            config.hydra.job_logging.root.handlers = ["file"]
        return config


def _run(shared: bytes, pickled: bytes) -> Any:
    """Runs one combination as Hydra does, and returns its value, or raises its error.

    - `shared`: the pickled context and task function
    - `pickled`: the pickled configuration
    """
    setup_globals()
    context, task = cloudpickle.loads(shared)
    config: DictConfig = pickle.loads(pickled)
    hydra = config.hydra
    # What few runs ask for is left to Hydra, which copies the configuration four times.
    if hydra.callbacks or hydra.job.chdir or hydra.job.env_set or hydra.output_subdir is not None:
        return _by_hydra(context, task, config)
    with _blaming_subdir():
        _prepare(config)
    try:
        return task(config)
    finally:
        logging.shutdown()


def _prepare(config: DictConfig) -> None:
    """Makes a run's folder and log, as Hydra's `run_job` does."""
    HydraConfig.instance().cfg = config  # type: ignore[assignment]
    folder = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir))
    with open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = os.path.abspath(folder)
    folder.mkdir(parents=True, exist_ok=True)
    configure_log(config.hydra.job_logging, config.hydra.verbose)


def _by_hydra(context: HydraContext, task: TaskFunction, config: DictConfig) -> Any:
    with _blaming_subdir():  # The task's own errors are in the result.
        result = run_job(
            hydra_context=context,
            task_function=task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    if result.status != JobStatus.COMPLETED:
        raise result._return_value
    return result.return_value


@contextmanager
def _blaming_subdir() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        check_place("hydra.sweep.subdir", Path(error.filename or ""), error)
        raise


def _refuse(why: str) -> None:
    raise RunFailedError(why)


def _returned(overrides: Sequence[str], value: Any, why: str | None) -> JobReturn:
    returned = JobReturn(overrides=overrides, status=JobStatus.FAILED if why else JobStatus.COMPLETED)
    returned.return_value = RunFailedError(why) if why else value
    return returned


def _threads(config: DictConfig) -> int:
    threads = OmegaConf.select(config, "threads")
    return threads if isinstance(threads, int) and threads > 0 else 1
