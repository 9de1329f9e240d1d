"""Computes one run, from a configuration to a finished folder."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from byzdl.config.columns import SCHEMA_VERSION, Row
from byzdl.config.content import sources
from byzdl.config.explain import explain
from byzdl.config.identity import identity
from byzdl.config.keys import VERSION
from byzdl.config.machine import data_root
from byzdl.config.types import Component, ConfigError, RuleError
from byzdl.data import load
from byzdl.progress import bar
from byzdl.runs import checkpoint, writers
from byzdl.runs.environment import environment
from byzdl.runs.folder import BusyError, Mark, RunFolder, is_done, read_status
from byzdl.runs.gpus import take_gpu
from byzdl.runs.unchanged import check_imported, check_unchanged
from byzdl.simulation.answers import columns
from byzdl.simulation.build import build
from byzdl.simulation.doubts import rule_facts
from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.processor import has_bf16, prepared
from byzdl.simulation.rounds import simulate
from byzdl.simulation.settings import Settings, parse

log = logging.getLogger("byzdl")

Given = Mapping[str, Component] | None
Sources = Mapping[str, str]


def execute(
    config: Mapping[str, Any], path: Path, progress: bool = False, patient: bool = True, given: Given = None
) -> None:
    """Computes a run into its folder, unless it is already done; continues from its checkpoint, if there is one.

    - `config`: the composed configuration, as plain containers
    - `path`: the run's folder
    - `progress`: whether to show a progress bar, if the output is a terminal
    - `patient`: whether to wait for another process that computes this run
    - `given`: instances in place of the configured choices, by group

    **Raises:** `ConfigError` for a configuration that cannot be run; `BusyError` if another process computes the run.
    Any other error is noted in the folder and raised again.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.config.compose import compose
    >>> config = compose("dataset=synthetic", "dataset.train_count=200", "rounds=2", "batch_size=8", "model=linear")
    >>> with TemporaryDirectory() as folder:
    ...     config["dataset"]["cache"] = folder
    ...     execute(config, Path(folder) / "run")
    ...     read_status(Path(folder) / "run")["status"]
    'done'
    """
    read = sources(config)
    check_imported(read)
    if _is_done(config, path, given):
        log.info("already done: %s", path)
        return
    folder = RunFolder(path, identity(config))
    try:
        _compute(config, read, given, folder, progress, patient)
    except (ConfigError, BusyError):
        raise
    except RuleError as error:
        folder.fail(str(error))
        raise
    except Exception as error:
        log.exception("failed")
        folder.fail(explain(error))
        raise


def _compute(
    config: Mapping[str, Any], read: Sources, given: Given, folder: RunFolder, progress: bool, patient: bool
) -> None:
    settings = parse(config, given)
    writers.check(settings.writer)
    take_gpu(settings.device)
    with prepared(settings.threads):
        if settings.screen.precision == "bf16" and settings.device == "cpu" and not has_bf16():
            log.warning("screen.precision: this processor has no bf16 units; float32 is faster here")
        experiment = build(settings)
        check_unchanged(read)
        check_imported(read)
        _simulate(config, read, settings, experiment, folder, progress, patient)


def _simulate(
    config: Mapping[str, Any],
    read: Sources,
    settings: Settings,
    experiment: Experiment,
    folder: RunFolder,
    progress: bool,
    patient: bool,
) -> None:
    with folder.locked(patient):
        if is_done(folder.path, folder.identity):
            log.info("done by another process: %s", folder.path)
            return
        state, mark = _resumed(experiment, folder)
        folder.start(
            config, {**_facts(config, settings, experiment), "sources": read}, mark, columns(experiment, state)
        )
        first = state.round + 1 if mark else 0
        with writers.writing(settings.writer, folder.path, first) as also:
            _record(experiment, state, folder, checkpoint.Clock(settings.checkpoint.every), also, progress)


def _resumed(experiment: Experiment, folder: RunFolder) -> tuple[State, Mark | None]:
    """The state and mark of the checkpoint, or the first state and None."""
    first = experiment.initial()
    saved = checkpoint.load(folder.checkpoint)
    if saved is None:
        return first, None
    known = _kind(experiment, folder).items() <= saved.items()
    if not known or not folder.reaches(mark := Mark(*saved["mark"])):
        checkpoint.set_aside(folder.checkpoint, "does not belong to this run and its tables")
        return first, None
    state: State = checkpoint.like(first, saved["state"], experiment.device)
    log.info("continuing after round %d: %s", state.round, folder.path)
    return state, mark


def _keep(experiment: Experiment, state: State, folder: RunFolder) -> None:
    content = {"mark": tuple(folder.mark()), "state": checkpoint.to_plain(state)}
    checkpoint.save(folder.checkpoint, {**_kind(experiment, folder), **content})


def _kind(experiment: Experiment, folder: RunFolder) -> dict[str, str]:
    """What a checkpoint must share with the run that continues from it."""
    return {
        "byzdl": VERSION,
        "schema": str(SCHEMA_VERSION),
        "identity": folder.identity,
        "data": experiment.data.fingerprint,
    }


def _is_done(config: Mapping[str, Any], path: Path, given: Given) -> bool:
    """Tells whether the folder holds this run's result, on these data."""
    try:
        if not is_done(path, identity(config)):
            return False
    except FileExistsError as error:
        raise ConfigError(
            f"{error}; name another folder: hydra.run.dir=..., in a sweep hydra.sweep.subdir=..."
        ) from error
    facts = read_status(path)
    # The identity has no paths. If the data have moved, their content must be the same.
    if facts.get("root") != data_root(config) and load(parse(config, given).dataset).fingerprint != facts.get("data"):
        raise ConfigError.of(
            "dataset.root",
            config["dataset"]["root"],
            f"{facts.get('root')} or a copy of it, the data of {path}; other data need a dataset.name of their own",
        )
    return True


def _record(
    experiment: Experiment,
    start: State,
    folder: RunFolder,
    clock: checkpoint.Clock,
    also: Callable[[Row], None],
    progress: bool,
) -> None:
    name, score, worst = experiment.model.task.score, float("nan"), float("nan")
    with bar(experiment.rounds, "round", shown=progress) as shown:
        for state, evaluation in simulate(experiment, start):
            shown.update(state.round - shown.n)
            if evaluation is not None:
                row = evaluation.round_row()
                folder.write(row, evaluation.node_rows(), evaluation.edge_rows())
                also(row)
                score, worst = evaluation.score_mean, evaluation.score_worst
                shown.set_postfix_str(f"{name} {score:.3f}, worst node {worst:.3f}")
            # The last state comes with the result, and needs no checkpoint.
            if 0 < state.round < experiment.rounds and clock.due(state.round):
                _keep(experiment, state, folder)
    folder.finish({f"{name}_mean": score, f"{name}_worst": worst})
    log.info("%s %.4f, worst node %.4f after %d rounds: %s", name, score, worst, experiment.rounds, folder.path)


def _facts(config: Mapping[str, Any], settings: Settings, experiment: Experiment) -> dict[str, Any]:
    """The facts in run.json beyond the configuration."""
    network = experiment.network
    rules = rule_facts(settings, experiment)
    for warning in rules["warnings"]:
        log.warning(warning)
    return {
        "seed": settings.seed,
        **({"nodes": network.n} if settings.topology.n is None else {}),
        "byzantine": network.byzantine,
        "edges": network.edges,
        "graph_draws": network.draws,
        **_redraws(experiment),
        **rules,
        "d": experiment.model.d,
        "data": experiment.data.fingerprint,
        "root": data_root(config),
        "device": settings.device,
        "threads": settings.threads,
        **environment(),
    }


def _redraws(experiment: Experiment) -> dict[str, Any]:
    """The number of graphs after the first one, and of draws for them; nothing if the graph stays.

    The graphs themselves follow from the seed.
    """
    later = experiment.networks[1:]
    return {"redraws": {"graphs": len(later), "draws": sum(network.draws for network in later)}} if later else {}
