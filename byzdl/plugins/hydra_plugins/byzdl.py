"""Sweeps, as Hydra's plugins: what is to be computed, and how it runs side by side on this machine.

The file lies here because Hydra takes plugins from the namespace package `hydra_plugins` alone.
"""

import hashlib
import importlib.util
import json
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cloudpickle
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from byzdl.errors import WRONG_INPUT, RunFailedError, explain
from byzdl.files import replace_file
from byzdl.identity import data_root, identity, plain
from byzdl.progress import bar
from byzdl.runs import IMPATIENT, SCHEMA_VERSION, BusyError, is_done, read_status
from byzdl.schema import ConfigError

BUSY = 75  # the exit code of a run that another process computes
EXTRAS = {"hydra_submitit_launcher": "slurm", "hydra_ray_launcher": "ray"}  # what brings which of Hydra's launchers


@dataclass(frozen=True)
class Planned:
    """One combination of a sweep.

    - `overrides`: what was asked for
    - `folder`, `identity`: where it is written, and what it is
    - `done`: whether it has a result already
    - `refused`: why it cannot be computed; empty if it can
    """

    overrides: tuple[str, ...]
    folder: Path = Path()
    identity: str = ""
    done: bool = False
    refused: str = ""


class Sweeper(BasicSweeper):
    """Hydra's basic sweeper that skips what is done, and in which what fails fails alone.

    Plans every combination, writes the plan beside the runs, hands what is left to the
    launcher, whichever that is, and ends with the list of what failed and why.

    - `params`: the values of each key, all combined with all; what the command line says replaces them
    - `cases`: keys whose values belong together, as a list of further `params`: all combinations of each case with
      those, one case after another
    """

    def __init__(
        self,
        max_batch_size: int | None = None,
        params: dict[str, Any] | None = None,
        cases: list[dict[str, Any]] | None = None,
    ):
        super().__init__(max_batch_size, params)
        self.cases = [{}] if cases is None else cases

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Look the launcher up.

        **Raises:** `ConfigError` for one that is not installed.
        """
        plugin = str(config.hydra.launcher._target_).split(".")[1]
        if plugin in EXTRAS and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
            choice = config.hydra.runtime.choices["hydra/launcher"]
            raise ConfigError.of(
                "hydra/launcher", choice, f"one that is installed: pip install 'byzdl[{EXTRAS[plugin]}]'"
            )
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> None:
        """Compute every combination that is not done.

        **Raises:** `SystemExit` with the list of what failed, if anything did.
        """
        assert self.config is not None
        assert self.hydra_context is not None
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        folder = Path(str(self.config.hydra.sweep.dir))
        composer = Composer(self.hydra_context.config_loader, self.config)
        plan = _planned(self._combinations(arguments), composer)
        _write_manifest(folder, plan)
        replace_file(folder / "multirun.yaml", OmegaConf.to_yaml(self.config).encode())
        if done := sum(run.done for run in plan):
            print(f"{done} of {len(plan)} runs are done already", file=sys.stderr)
        failures = {run.overrides: run.refused for run in plan if run.refused}
        if isinstance(self.launcher, LocalLauncher):
            self.launcher.compose = composer
        failures |= self._launch([run for run in plan if not run.done and not run.refused])
        print(f"{len(plan) - len(failures)} of {len(plan)} runs done in {folder}", file=sys.stderr)
        if failures:
            lines = [f"  {' '.join(overrides)}: {why}" for overrides, why in failures.items()]
            said = [f"byzdl: {len(failures)} of {len(plan)} runs failed:", *lines]
            if any((run.folder / "run.log").exists() for run in plan if run.overrides in failures and not run.refused):
                said.append("run.log in a run's folder holds the traceback; the same command tries them again")
            sys.exit("\n".join(said))

    def _combinations(self, arguments: list[str]) -> list[tuple[str, ...]]:
        """The overrides of every run, each combination once."""
        assert self.hydra_context is not None
        if not isinstance(self.cases, Sequence) or not all(isinstance(case, Mapping) for case in self.cases):
            raise ConfigError.of("hydra.sweeper.cases", self.cases, "a list such as [{defense: ubar, attack: max}]")
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        found: dict[tuple[str, ...], None] = {}
        for case in self.cases:
            asked = [*self._parse_config(), *(f"{key}={value}" for key, value in case.items()), *arguments]
            (combinations,) = self.split_arguments(parser.parse_overrides(asked), None)
            found.update(dict.fromkeys(map(tuple, combinations)))
        return list(found)

    def _launch(self, runs: list[Planned]) -> dict[tuple[str, ...], str]:
        """Have the launcher compute these; the reasons of what failed."""
        assert self.launcher is not None
        failures: dict[tuple[str, ...], str] = {}
        size = self.max_batch_size or max(1, len(runs))
        for start in range(0, len(runs), size):
            batch = runs[start : start + size]
            try:
                results = self.launcher.launch([list(run.overrides) for run in batch], initial_job_idx=start)
            except Exception as error:
                if isinstance(self.launcher, LocalLauncher):
                    raise
                # Where one process died, Hydra's launchers for clusters tell nothing of the others.
                failures |= {run.overrides: _left(run, error) for run in batch if not is_done(run.folder, run.identity)}
                continue
            for run, result in zip(batch, results, strict=True):
                if result.status != JobStatus.COMPLETED:
                    failures[run.overrides] = explain(result._return_value)
        return failures


def _left(run: Planned, error: Exception) -> str:
    """Why a run has no result, when the launcher gave up."""
    facts = read_status(run.folder)
    if facts.get("status") == "failed":
        return str(facts.get("error"))
    return f"no result yet, python -m byzdl.status tells more; the launcher gave up: {explain(error)[:300]}"


class Composer:
    """Composes the combinations of a sweep as Hydra does, but each choice of groups once.

    Hydra reads and merges all files anew for every combination. What follows from the choices
    is kept here, pickled, and only values are set on a copy of it.
    """

    def __init__(self, loader: ConfigLoader, sweep: DictConfig):
        assert isinstance(loader, ConfigLoaderImpl)
        self.loader = loader
        self.sweep = sweep
        self._chosen: dict[tuple[str, ...], bytes] = {}

    def __call__(self, combination: Sequence[str]) -> DictConfig:
        """The configuration of one combination, all that Hydra says of a run included."""
        parsed = OverridesParser.create().parse_overrides(list(combination))
        task = [o for o in parsed if not o.is_hydra_override()]
        values = [o for o in task if isinstance(o.value(), dict) or not self._is_group(o)]
        groups = tuple(o.input_line or "" for o in parsed if o not in values)
        if groups not in self._chosen:
            self._chosen[groups] = pickle.dumps(self.loader.load_sweep_config(self.sweep, list(groups)))
        config: DictConfig = pickle.loads(self._chosen[groups])
        self.loader._apply_overrides_to_config(values, config)
        config.hydra.overrides.task = [o.input_line for o in task]
        dirname = config.hydra.job.config.override_dirname
        config.hydra.job.override_dirname = get_overrides_dirname(
            task, dirname.exclude_keys, dirname.item_sep, dirname.kv_sep
        )
        return config

    def _is_group(self, override: Override) -> bool:
        return bool(self.loader.repository.group_exists(override.key_or_group))


def _planned(combinations: Sequence[tuple[str, ...]], compose: Composer) -> list[Planned]:
    """Every run, in order: once, however many combinations ask for it; one whose folder another one takes is refused."""
    plan: list[Planned] = []
    takers: dict[Path, Planned] = {}
    with bar(len(combinations), "planned") as shown:
        for overrides in combinations:
            run = _one_planned(overrides, compose)
            shown.update()
            taker = run if run.refused else takers.setdefault(run.folder, run)
            if taker.identity != run.identity:
                taken = ConfigError.of("hydra.sweep.subdir", str(run.folder), "a folder of its own for every run")
                plan.append(replace(run, refused=str(taken)))
            elif taker is run:
                plan.append(run)
    return plan


def _one_planned(overrides: tuple[str, ...], compose: Composer) -> Planned:
    try:
        config = compose(overrides)
        folder = Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)
        composed = plain(config)
        own = identity(composed)
        # Done on the same data, as far as can be told without reading any; else the run itself looks.
        done = is_done(folder, own) and read_status(folder).get("root") == data_root(composed)
        return Planned(overrides, folder, own, done)
    except WRONG_INPUT as error:
        return Planned(overrides, refused=explain(error))


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


def _write_manifest(folder: Path, plan: Sequence[Planned]) -> None:
    """Say which runs belong to this sweep, so that analysis can tell which are missing."""
    runs: list[dict[str, Any]] = [
        {
            "name": None if run.refused else Path(os.path.relpath(run.folder, folder)).as_posix(),
            "overrides": run.overrides,
            "refused": run.refused or None,
        }
        for run in plan
    ]
    text = json.dumps({"schema": SCHEMA_VERSION, "runs": runs}, indent=1).encode()
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"sweep-{hashlib.sha256(text).hexdigest()[:10]}.json", text)


def _context() -> Any:
    """Where new processes come from, with torch imported before the first one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["byzdl.run"])
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
