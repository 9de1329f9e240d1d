"""Hydra's sweeper: computes all combinations that are not done, and lists all failures."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper as HydrasSweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from byzdl.config.explain import explain
from byzdl.config.identity import plain
from byzdl.config.overrides import checked
from byzdl.config.types import ConfigError
from byzdl.files import looking_once, replace_file
from byzdl.runs.folder import is_done, read_status
from byzdl.runs.place import placed
from byzdl.sweeping.combinations import Choices, combinations
from byzdl.sweeping.examine import examined, told
from byzdl.sweeping.folder import folder_of
from byzdl.sweeping.hydra_internals import Composer
from byzdl.sweeping.launcher import LocalLauncher
from byzdl.sweeping.mode import check_sweep
from byzdl.sweeping.params import overrides_of
from byzdl.sweeping.plan import Planned, planned, write_manifest

EXTRAS = {"hydra_submitit_launcher": "slurm", "hydra_ray_launcher": "ray"}  # the extra that installs each launcher


class Sweeper(HydrasSweeper):
    """Sweeps as Hydra's basic sweeper does, but skips finished runs, and continues after a failure.

    Plans every combination, writes the plan beside the runs, and gives the missing runs to the launcher. At the end, lists
    every failure with its reason.

    - `max_batch_size`: the largest number of runs that the launcher gets at once; None for all
    - `params`: the values of each key, in every combination. Overrides on the command line replace them
    - `cases`: a list of further `params`, for keys with values that belong together. Each case is combined with `params`,
      one case after another

    The values of a key are a list, `[ubar, d_krum]`, or a text as on the command line, `"ubar,d_krum"`. A key that itself
    takes a list has a list of lists: `augment: [[], [crop]]`.
    """

    def __init__(
        self,
        max_batch_size: int | None = None,
        params: dict[str, Any] | None = None,
        cases: list[dict[str, Any]] | None = None,
    ):
        super().__init__()
        self.max_batch_size = max_batch_size
        self.params = _plain(params) or {}
        self.cases = [{}] if cases is None else _plain(cases)
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Instantiates the launcher.

        **Raises:** `ConfigError` if the launcher is not installed.
        """
        plugin = _plugin(config)
        if plugin in EXTRAS and importlib.util.find_spec(f"hydra_plugins.{plugin}") is None:
            choice = config.hydra.runtime.choices["hydra/launcher"]
            raise ConfigError.of(
                "hydra/launcher", choice, f"an installed launcher: pip install 'byzdl[{EXTRAS[plugin]}]'"
            )
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Computes every combination that is not done.

        **Raises:** `SystemExit` with the list of failures, if there are any.
        """
        assert self.config is not None
        assert self.hydra_context is not None
        setup_globals()
        check_sweep(self.config)
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        folder = Path(str(self.config.hydra.sweep.dir))
        composer = Composer(self.hydra_context.config_loader, self.config)
        with looking_once():
            plan = planned(self._combinations(arguments), partial(_composed, composer))
            plan = examined(plan, lambda run: (run.config, {}), elsewhere=self._is_elsewhere)
        with placed("hydra.sweep.dir", folder):
            write_manifest(folder, plan)
            replace_file(folder / "multirun.yaml", OmegaConf.to_yaml(self.config).encode())
        if done := sum(run.done for run in plan):
            print(f"{done} of {len(plan)} runs are done already", file=sys.stderr)
        failures = {run.overrides: run.refused for run in plan if run.refused}
        if isinstance(self.launcher, LocalLauncher):
            self.launcher.compose = composer
        failures |= self._launch([run for run in plan if not run.done and not run.refused])
        print(f"{len(plan) - len(failures)} of {len(plan)} runs done in {folder}", file=sys.stderr)
        if failures:
            message = [f"byzdl: {len(failures)} of {len(plan)} runs failed:", *told(failures)]
            if any((run.folder / "run.log").exists() for run in plan if run.overrides in failures and not run.refused):
                message.append(
                    "the traceback is in run.log in the run's folder; the same command tries these runs again"
                )
            sys.exit("\n".join(message))

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the launcher may start its runs on other machines."""
        assert self.config is not None
        return _plugin(self.config) in EXTRAS

    def _combinations(self, arguments: list[str]) -> list[tuple[str, ...]]:
        """The overrides of every combination, each once."""
        assert self.hydra_context is not None
        if not isinstance(self.cases, Sequence) or not all(isinstance(case, Mapping) for case in self.cases):
            raise ConfigError.of("hydra.sweeper.cases", self.cases, "a list such as [{defense: ubar, attack: max}]")
        hydra = self.config.hydra if self.config is not None else None
        name = hydra.job.config_name if hydra is not None else None
        # A reference to a job's number in one of these has no value yet.
        hydras: Any = OmegaConf.to_container(hydra.overrides.hydra, resolve=False) if hydra is not None else []
        choices = Choices(self.hydra_context.config_loader, name, hydras)
        found: dict[tuple[str, ...], None] = {}
        for case in self.cases:
            own = checked([*overrides_of(self.params), *overrides_of(case, "hydra.sweeper.cases")])
            found.update(dict.fromkeys(combinations([*own, *arguments], choices)))
        return list(found)

    def _launch(self, runs: list[Planned]) -> dict[tuple[str, ...], str]:
        """Gives runs to the launcher, and returns the reasons of those that failed."""
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
                # If one process dies, Hydra's launchers for clusters raise, and say nothing about the other runs.
                failures |= {
                    run.overrides: _why_missing(run, error) for run in batch if not is_done(run.folder, run.identity)
                }
                continue
            for run, result in zip(batch, results, strict=True):
                if result.status != JobStatus.COMPLETED:
                    failures[run.overrides] = explain(result._return_value)
        return failures


def _plugin(config: DictConfig) -> str:
    """The package of the launcher, such as `hydra_submitit_launcher`."""
    return str(config.hydra.launcher._target_).split(".")[1]


def _plain(config: Any) -> Any:
    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


def _composed(compose: Composer, overrides: Sequence[str]) -> tuple[dict[str, Any], Path]:
    config = compose(overrides)
    return plain(config), folder_of(config)


def _why_missing(run: Planned, error: Exception) -> str:
    """The reason for a missing result, after the launcher raised an error."""
    facts = read_status(run.folder)
    if facts.get("status") == "failed":
        return str(facts.get("error"))
    return f"no result yet, see byzdl status; the launcher ended with {explain(error)[:300]}"
