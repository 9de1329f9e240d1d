"""One run, from a configuration to a finished folder."""

import logging
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from byzdl.data import load
from byzdl.identity import identity
from byzdl.runs import RunFolder, is_done
from byzdl.schema import ConfigError
from byzdl.settings import Settings, parse
from byzdl.simulation import Experiment, simulate
from byzdl.topology import Network, draw_network

log = logging.getLogger("byzdl")

PACKAGES = ("byzdl", "torch", "torchvision", "numpy", "networkx", "hydra-core", "omegaconf", "pydantic")


def execute(config: Mapping[str, Any], path: Path, progress: bool = False) -> None:
    """Compute a run into its folder, unless it is done already.

    - `config`: plain containers, as composed
    - `path`: the run's folder
    - `progress`: show a bar where the output is a terminal

    **Raises:** `ConfigError` for what cannot be run; whatever else goes wrong is noted in the folder and raised again.
    """
    settings = parse(config)
    try:
        if is_done(path, identity(config)):
            log.info("done already: %s", path)
            return
    except FileExistsError as error:
        raise ConfigError(f"hydra.run.dir: {error}; takes another folder") from error
    torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    network = draw_network(settings.topology, settings.attack.br, settings.seed)
    settings.attack.check(network)
    settings.defense.check(network, settings.partition.validation)
    folder = RunFolder(path, identity(config))
    try:
        experiment = Experiment.build(settings, network, load(settings.dataset))
        folder.start(config, _facts(settings, experiment))
        _record(experiment, folder, progress)
    except ConfigError:
        raise
    except Exception as error:
        log.exception("failed")
        folder.fail(f"{type(error).__name__}: {error}")
        raise


def _record(experiment: Experiment, folder: RunFolder, progress: bool) -> None:
    accuracy, worst = float("nan"), float("nan")
    # disable=None: no bar where the output is not a terminal
    with tqdm(total=experiment.rounds, unit="round", disable=None if progress else True, leave=False) as bar:
        for state, evaluation in simulate(experiment, experiment.initial()):
            bar.update(state.round - bar.n)
            if evaluation is not None:
                folder.write(evaluation.round_row(), evaluation.node_rows())
                accuracy, worst = evaluation.accuracy_mean, evaluation.accuracy_worst
                bar.set_postfix_str(f"accuracy {accuracy:.3f}, worst node {worst:.3f}")
    folder.finish({"accuracy_mean": accuracy, "accuracy_worst": worst})
    log.info("accuracy %.4f, worst node %.4f after %d rounds: %s", accuracy, worst, experiment.rounds, folder.path)


def _facts(settings: Settings, experiment: Experiment) -> dict[str, Any]:
    """What run.json says of a run beyond its configuration."""
    network: Network = experiment.network
    attack = dict(settings.attack.facts(network))
    if "warning" in attack:
        log.warning(attack["warning"])
    return {
        "seed": settings.seed,
        "byzantine": network.byzantine,
        "edges": network.edges,
        "graph_draws": network.draws,
        "attack": attack,
        "f": {i: len(set(network.neighbours[i]) & set(network.byzantine)) for i in network.benign}
        if getattr(settings.defense, "f", None) == "known"
        else getattr(settings.defense, "f", None),
        "d": experiment.model.d,
        "data": experiment.data.fingerprint,
        "device": settings.device,
        "threads": settings.threads,
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """The commit of byzdl's own working tree, marked where it was changed since; None outside of one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+changes" if dirty else commit
