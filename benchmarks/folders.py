"""The analysis of a large sweep: figures, leaderboard and report of thousands of runs, from the command to the last file.

The folders are those of the first runs of the leaderboard, with invented results. They are the same each time.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from omegaconf import OmegaConf

from benchmarks.timing import Timing
from benchmarks.trees import ROOT
from byzdl.config.columns import EDGE_COLUMNS, NODE_COLUMNS, ROUND_COLUMNS, Row
from byzdl.config.identity import identity, plain, run_name
from byzdl.runs.folder import RunFolder
from byzdl.sweeping.combinations import composer
from byzdl.sweeping.params import overrides_of
from byzdl.sweeping.plan import Planned, write_manifest

COMMANDS = ("figures", "leaderboard", "report")

# Cells, as most defenses leave them.
EMPTY = {"theta_mean": None, "theta": None, "fallback_rate": None}


def measure(count: int) -> list[dict[str, Any]]:
    """Returns the rows of the table.

    - `count`: runs in the folder
    """
    with tempfile.TemporaryDirectory() as temporary:
        write(Path(temporary), count)
        return [
            {"part": "folders", "what": f"byzdl {command}, {count} runs", **_timed(command, temporary).row()}
            for command in COMMANDS
        ]


def write(folder: Path, count: int) -> None:
    """Writes the folders of finished runs, and the manifest of their sweep."""
    random = np.random.default_rng(0)
    plan = []
    for overrides, config in islice(_leaderboard(), count):
        run = Planned(overrides, folder / run_name(config), identity(config))
        _write_run(run, config, random)
        plan.append(run)
    write_manifest(folder, plan)


def _leaderboard() -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yields the overrides and the configuration of each run. All defenses meet an attack before the next one comes."""
    sweep: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "sweeps" / "leaderboard.yaml"))
    always = [f"{key}={sweep[key]}" for key in ("rounds", "batch_size", "eval_every")]
    for case in sweep["hydra"]["sweeper"]["cases"]:
        attack_first = sorted(overrides_of(case), key=lambda override: not override.startswith("attack="))
        with composer([*attack_first, *overrides_of(sweep["hydra"]["sweeper"]["params"])]) as (compose, combinations):
            for overrides in combinations:
                yield overrides, plain(compose((*always, *overrides)))


def _write_run(run: Planned, config: Mapping[str, Any], random: np.random.Generator) -> None:
    n, br, every = config["topology"]["n"], config["attack"]["br"], config["eval_every"]
    graph = nx.gnm_random_graph(n, 2 * n, seed=config["seed"])
    byzantine = set(random.choice(n, round(br * n), replace=False).tolist())
    benign = [i for i in graph if i not in byzantine]

    def row(columns: Sequence[str], **known: Any) -> Row:
        invented = dict(zip(columns, random.random(len(columns)).tolist(), strict=True))
        return {name: {**invented, **EMPTY, **known}[name] for name in columns}

    def of_node(i: int) -> Row:
        around = {"neighbours": graph.degree[i], "byzantine_neighbours": len(byzantine & set(graph[i]))}
        return row(NODE_COLUMNS, round=r, node=i, **around)

    def of_edge(i: int, j: int) -> Row:
        accepted = int(random.integers(every + 1))
        return row(EDGE_COLUMNS, round=r, node=i, neighbour=j, arrived=every, accepted=accepted)

    success = {} if config["attack"]["name"] == "backdoor" else {"attack_success_rate": None}
    folder = RunFolder(run.folder, run.identity)
    folder.start(config, {"seed": config["seed"], "byzantine": sorted(byzantine), "edges": list(graph.edges)})
    for r in range(0, config["rounds"] + 1, every):
        edges = [of_edge(i, j) for i in benign for j in graph[i] if r > 0]
        folder.write(row(ROUND_COLUMNS, round=r, **success), [of_node(i) for i in benign], edges)
    folder.finish({})


def _timed(command: str, folder: str) -> Timing:
    timing = Timing()
    start, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "byzdl", command, folder, "--out", f"{folder}/.{command}"],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    after = os.times()
    timing.wall.append(time.perf_counter() - start)
    timing.cpu.append(
        after.children_user - before.children_user + after.children_system - before.children_system,
    )
    return timing
