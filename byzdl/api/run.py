"""`byzdl.run`: one run, in memory or in a folder."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from byzdl.api.overrides import split, with_instances
from byzdl.config.columns import SCORES, TABLES, Row
from byzdl.config.compose import compose
from byzdl.config.identity import run_name
from byzdl.config.types import Component
from byzdl.progress import bar
from byzdl.runs.execute import execute
from byzdl.runs.log import logged
from byzdl.simulation import parse, simulate
from byzdl.simulation.answers import columns
from byzdl.simulation.build import build
from byzdl.simulation.doubts import rule_facts
from byzdl.simulation.processor import prepared

log = logging.getLogger("byzdl")


@dataclass(frozen=True, repr=False)
class Run:
    """The result of one run.

    - `rounds`, `nodes`, `edges`: the tables, with the columns of rounds.csv, nodes.csv and edges.csv
    - `config`: the configuration, as composed
    - `network`: the (first) graph; its nodes have an attribute `byzantine`
    - `folder`: the run's folder, or None for a run in memory
    """

    rounds: pd.DataFrame
    nodes: pd.DataFrame
    edges: pd.DataFrame
    config: dict[str, Any]
    network: nx.Graph
    folder: Path | None = None

    @property
    def accuracy(self) -> float:
        """The final test accuracy, the mean over benign nodes; of a regression, R^2."""
        return float(self.rounds[f"{self._score}_mean"].iloc[-1])

    @property
    def _score(self) -> str:
        return next(score for score in SCORES if f"{score}_mean" in self.rounds)

    def __repr__(self) -> str:
        names = ", ".join(str(self.config[group]["name"]) for group in ("attack", "defense", "topology", "dataset"))
        worst = self.rounds[f"{self._score}_worst"].iloc[-1]
        after = f"{self.rounds['round'].iloc[-1]} rounds"
        return f"<byzdl.Run of {names}: {self._score} {self.accuracy:.3f}, worst node {worst:.3f} after {after}>"


def run(
    *overrides: str,
    folder: Path | str | None = None,
    progress: bool = True,
    config_dir: Path | str | None = None,
    from_: Path | str | None = None,
    **keys: Any,
) -> Run:
    """Computes one run.

    - `overrides`: as on the command line, `"defense=ubar"`, `"attack.br=0.5"`
    - `keys`: the same as keywords, `rounds=50`; `attack={"br": 0.5}` for a group's keys. A group also takes an
      instance of a class of one's own, `defense=MyRule(tau=1.0)`, which needs neither a YAML nor a name
    - `folder`: where to keep the run, as `python train.py` does: the same folder within it, the same bytes. A finished
      run is read back, and an interrupted one continues. Without a folder nothing is written but the decoded data
    - `progress`: show a bar, in a terminal or a notebook
    - `config_dir`: a folder with choices of one's own, as `-cd`
    - `from_`: the folder of a run, whose configuration replaces the defaults, as `--from`

    **Raises:** `ConfigError` for a configuration that cannot be run; `RuleError` for a mistake
    in a class of one's own.

    >>> found = run("defense=ubar", "model=linear", rounds=20, seed=1)
    >>> found.rounds["round"].tolist()
    [0, 10, 20]
    >>> found
    <byzdl.Run of max, ubar, erdos_renyi, digits: accuracy 0..., worst node 0... after 20 rounds>
    """
    lines, given = split(overrides, keys)
    config, given = with_instances(compose(*lines, config_dir=config_dir, from_=from_, replaced=given), given)
    if folder is None:
        return _in_memory(config, given, progress)
    path = Path(folder) / run_name(config)
    with logged(path):
        execute(config, path, progress=progress, given=given)
    return from_folder(path, config)


def from_folder(path: Path, config: Mapping[str, Any]) -> Run:
    """Reads a finished run back."""
    rounds, nodes, edges = (_read(path / name) for name in TABLES)
    facts = json.loads((path / "run.json").read_text(encoding="utf-8"))
    n = config["topology"]["n"]
    network = _graph(facts["nodes"] if n is None else n, facts["edges"], facts["byzantine"])
    return Run(rounds, nodes, edges, dict(config), network, path)


def _in_memory(config: Mapping[str, Any], given: Mapping[str, Component], progress: bool) -> Run:
    settings = parse(config, given)
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    with prepared(settings.threads), bar(settings.rounds, "round", shown=progress) as shown:
        experiment = build(settings)
        for warning in rule_facts(settings, experiment)["warnings"]:
            log.warning(warning)
        first, start = experiment.initial(), time.perf_counter()
        names = columns(experiment, first)
        for state, evaluation in simulate(experiment, first):
            shown.update(state.round - shown.n)
            if evaluation is not None:
                seconds = round(time.perf_counter() - start, 3)
                rows["rounds.csv"].append({**evaluation.round_row(), "seconds": seconds})
                rows["nodes.csv"] += evaluation.node_rows()
                rows["edges.csv"] += evaluation.edge_rows()
    rounds, nodes, edges = (_frame(rows[table], names[table]) for table in TABLES)
    network = experiment.network
    return Run(rounds, nodes, edges, dict(config), _graph(network.n, network.edges, network.byzantine))


def _read(file: Path) -> pd.DataFrame:
    """Reads a table, each number to its last digit: pandas' own setting for that differs between its versions."""
    text = pd.read_csv(file, dtype=str, keep_default_na=False)
    return pd.DataFrame({name: _numbers(text[name].tolist()) for name in text})


def _numbers(cells: list[str]) -> list[int] | list[float]:
    try:
        return [int(cell) for cell in cells]
    except ValueError:
        return [float(cell or "nan") for cell in cells]


def _frame(rows: list[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    """The frame that `_read` makes of the rows' CSV: a column without any value is float."""
    frame = pd.DataFrame(rows, columns=list(columns))
    empty = [name for name in frame if frame[name].isna().all()]
    return frame.astype(dict.fromkeys(empty, float)).infer_objects()


def _graph(n: int, edges: Any, byzantine: Any) -> nx.Graph:
    graph = nx.Graph()
    attackers = set(byzantine)
    graph.add_nodes_from((i, {"byzantine": i in attackers}) for i in range(n))
    graph.add_edges_from(map(tuple, edges))
    return graph
