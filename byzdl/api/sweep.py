"""`byzdl.sweep`: every combination, side by side, in a folder."""

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from byzdl.analysis.load import find, rows
from byzdl.api.overrides import check_kind, refuse_beside, refuse_hydras, with_instances
from byzdl.config.explain import RunFailedError
from byzdl.config.grammar import text
from byzdl.config.identity import identity, plain, run_name
from byzdl.config.types import Component, ConfigError
from byzdl.cores import cores
from byzdl.files import looking_once
from byzdl.runs.execute import execute
from byzdl.runs.folder import IMPATIENT, RunFolder
from byzdl.runs.log import logged
from byzdl.sweeping.combinations import composer
from byzdl.sweeping.examine import examined, told
from byzdl.sweeping.plan import Planned, planned, write_manifest
from byzdl.sweeping.processes import Job, side_by_side


def sweep(
    *overrides: str,
    folder: Path | str = "outputs",
    jobs: int | None = None,
    config_dir: Path | str | None = None,
    from_: Path | str | None = None,
    **keys: Any,
) -> pd.DataFrame:
    """Computes every combination that is not done yet, several at a time, each in a process of its own.

    - `overrides`: as behind `python train.py -m`: `"defense=ubar,mean"`, `"attack.br=0.1,0.3"`
    - `keys`: the same as keywords. A list, a tuple or a range is swept over: `seed=range(3)`. Instances of classes of
      one's own may be among the values: `defense=["ubar", MyRule(tau=1.0)]`
    - `folder`: where the runs are kept
    - `jobs`: the number of processes at a time; cores / threads by default
    - `config_dir`, `from_`: as of `byzdl.run`

    Returns the rows of rounds.csv of these runs, as `byzdl.load` does.

    **Raises:** `RunFailedError` at the end, with a line for each failed run. The others are kept: `byzdl.load(folder)`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     frame = sweep("defense=mean,local", model="linear", rounds=2, folder=folder, jobs=1)
    >>> sorted(set(zip(frame["defense"], frame["round"])))
    [('local', 0), ('local', 2), ('mean', 0), ('mean', 2)]
    """
    folder, axes = Path(folder), _Axes(overrides, keys)
    with composer(axes.overrides, config_dir, from_, axes.replaced) as (compose, found):

        def configured(combination: Sequence[str]) -> tuple[dict[str, Any], dict[str, Component]]:
            lines, given = axes.separated(combination)
            return with_instances(plain(compose(lines)), given)

        def composed(combination: Sequence[str]) -> tuple[dict[str, Any], Path]:
            config, _ = configured(combination)
            return config, folder / run_name(config)

        with looking_once():
            plan = planned(axes.combinations(found), composed)
            plan = examined(plan, lambda run: (run.config, axes.separated(run.overrides)[1]))
        write_manifest(folder, plan)
        due = [run for run in plan if not run.done and not run.refused]
        threads = [composed(run.overrides)[0].get("threads", 1) for run in due[:1]]

        def job(index: int) -> Job:
            run = due[index]
            return partial(_compute, *configured(run.overrides), run)

        ended = side_by_side(len(due), job, jobs or max(1, cores() // max([1, *threads])))
    failures = {run.overrides: run.refused for run in plan if run.refused}
    failures |= {run.overrides: why for run, (_, why) in zip(due, ended, strict=True) if why}
    if failures:
        raise RunFailedError("\n".join([f"{len(failures)} of {len(plan)} runs failed:", *told(failures)]))
    return _frame(folder, plan)


class _Axes:
    """What a sweep varies: overrides, and instances under labels that stand for them."""

    def __init__(self, overrides: Iterable[str], keys: Mapping[str, Any]):
        self.overrides = list(overrides)
        refuse_hydras(self.overrides)
        self.instances: dict[str, tuple[str, Component]] = {}
        self.mixed: list[list[str]] = []
        for key, value in keys.items():
            values = list(value) if isinstance(value, list | tuple | range) else [value]
            if any(isinstance(one, Component) for one in values):
                self.mixed.append([self._line(key, one) for one in values])
            elif isinstance(value, Mapping):
                self.overrides += [f"{key}.{inner}={text(one)}" for inner, one in value.items()]
            else:
                self.overrides.append(f"{key}={','.join(map(text, values))}")

    def _line(self, key: str, value: Any) -> str:
        if not isinstance(value, Component):
            return f"{key}={text(value)}"
        check_kind(key, value)
        shown = label = f"{key}={value!r}"
        while self.instances.get(label, (key, value))[1] is not value:  # Another one may look the same.
            label = f"{shown} [{len(self.instances) + 1}]"
        self.instances[label] = (key, value)
        return label

    @property
    def replaced(self) -> set[str]:
        """The groups that have instances."""
        return {group for group, _ in self.instances.values()}

    def combinations(self, found: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """All combinations of overrides with all values that are mixed with instances."""
        return [(*one, *more) for one in found for more in itertools.product(*self.mixed)]

    def separated(self, combination: Sequence[str]) -> tuple[list[str], dict[str, Component]]:
        """A combination's overrides, and its instances by group."""
        given = dict(self.instances[line] for line in combination if line in self.instances)
        lines = [line for line in combination if line not in self.instances]
        refuse_beside(lines, given)
        return lines, given


def _compute(config: Mapping[str, Any], given: Mapping[str, Component], run: Planned) -> None:
    """One run of a sweep, in its own process."""
    try:
        if identity(config) != run.identity:
            raise ConfigError("files behind this run have changed since the sweep started; the same call computes it")
        with logged(run.folder):
            execute(config, run.folder, patient=IMPATIENT not in os.environ, given=given)
    except ConfigError as error:
        RunFolder(run.folder, run.identity).fail(str(error))
        raise


def _frame(folder: Path, plan: Sequence[Planned]) -> pd.DataFrame:
    """The rows of the planned runs alone, whatever else is in the folder, even a newer result of other code."""
    names = {run.folder.name for run in plan}
    return rows([run for run in find(folder) if run.status in ("done", "superseded") and run.folder.name in names])
