"""Collects the networks of runs, and the trust of each node in its neighbours over the rounds."""

import json
import math
import os
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from byzdl.analysis.files import WHOLE_NUMBERS, AnalysisError, reading, record, table, text
from byzdl.analysis.load import Run
from byzdl.analysis.pivot import pivot
from byzdl.config.columns import tables

Record = dict[str, Any]
Table = dict[str, NDArray[Any]]  # by column
Edges = tuple[tuple[int, int], ...]

# By receiver i and sender j, in percent: the share of rounds in which i accepted j, and the weight of j at i. None if
# the defense does not report it.
Trust = dict[tuple[int, int], tuple[int | None, int | None]]
NO_MESSAGE = (-1, -1)

# A larger graph would be a tangle on any screen.
MAX_NODES = 120

# The most numbers that a page may hold. Beyond, seeds are left out first, then frames, then whole runs.
BUDGET = 1_000_000
FEW_FRAMES = 12

# With more nodes than this, the better layout is too slow.
CAREFUL_NODES = 60


def networks(done: Sequence[Run], groups: Mapping[str, int]) -> Record:
    """Returns the networks of these runs, as many as a page can hold.

    A frame covers the rounds from one evaluation to the next.

    - `groups`: the group of each run, by the run's name

    **Keys:**

    - `graphs`: each with `n`, `byzantine`, `edges`, and coordinates `x`, `y`
    - `runs`: each with `group`, `seed`, `graph` (an index), the `rounds` between its frames, `exact` (whether the run
      logged its edges), and for each frame:
      - `trust`: for each edge (i, j), the percentage of rounds in which i accepted j, then that in which j accepted i.
        None if the defense does not report it or the receiver is Byzantine, -1 if no message arrived
      - `weight`: the same for the mean weight of j in the aggregate of i, and of i in that of j, in percent
      - `accuracy` or `r2`, `theta`: of each node
    - `omitted`: the number of runs for which the page has no room
    - `undrawn`: the number of runs with too large a graph, or with redrawn graphs and no logged edges
    """
    facts = {run.name: _facts(run) for run in done}
    drawable = [run for run in done if facts[run.name]["n"] and not facts[run.name]["undrawn"]]
    chosen, frames = _affordable(drawable, facts, groups)
    graphs: dict[str, int] = {}
    drawn: list[Record] = []
    runs: list[Record] = []
    for run in chosen:
        try:
            graph, history = _history(run, facts[run.name], frames)
        except (KeyError, IndexError) as error:  # Each file is whole, but they name different nodes or rounds.
            raise AnalysisError(f"{run.folder}: its tables do not belong to its run.json ({error})") from error
        key = json.dumps(graph)
        if key not in graphs:
            graphs[key] = len(drawn)
            drawn.append({**graph, **_layout(graph["n"], tuple(map(tuple, graph["edges"])))})
        about = {"group": groups[run.name], "seed": run.config["seed"], "graph": graphs[key]}
        runs.append({**about, **history})
    return {
        "graphs": drawn,
        "runs": runs,
        "omitted": len(drawable) - len(chosen),
        "undrawn": sum(fact["undrawn"] for fact in facts.values()),
    }


def _facts(run: Run) -> Record:
    """Reads the nodes, the Byzantine set and the first edges of a run. A record without edges gives 0 nodes."""
    facts = record(run.folder / "run.json")
    known = "edges" in facts and "topology.n" in run.config
    n = int(run.config["topology.n"]) if known else 0
    logged = run.folder / "edges.csv"
    with reading(logged):
        exact = os.path.lexists(logged) and text(logged).count("\n") > 1
    return {
        "n": n,
        "byzantine": facts.get("byzantine", []),
        "edges": facts.get("edges", []),
        "exact": exact,
        "undrawn": n > MAX_NODES or ("redraws" in facts and not exact),
        "most": n * (n - 1) // 2 if "redraws" in facts else len(facts.get("edges", [])),
    }


def _affordable(
    runs: Sequence[Run], facts: Mapping[str, Record], groups: Mapping[str, int]
) -> tuple[list[Run], int | None]:
    """Selects the runs that fit the budget, and the number of frames per run (None for all)."""
    by_seed = sorted(runs, key=lambda run: run.config["seed"])
    first = list({groups[run.name]: run for run in reversed(by_seed)}.values())
    first.sort(key=lambda run: groups[run.name])
    evaluations = {run.name: _evaluations(run) for run in runs}

    def cost(run: Run, frames: int | None) -> int:
        fact = facts[run.name]
        count = evaluations[run.name] if frames is None else min(frames, evaluations[run.name])
        return count * (4 * int(fact["most"]) + 2 * int(fact["n"]))

    for choice, frames in ((list(runs), None), (first, None), (first, FEW_FRAMES)):
        if sum(cost(run, frames) for run in choice) <= BUDGET:
            return choice, frames
    room = np.cumsum([cost(run, FEW_FRAMES) for run in first]) <= BUDGET
    return [run for run, fits in zip(first, room, strict=True) if fits], FEW_FRAMES


def _evaluations(run: Run) -> int:
    """Estimates the number of a run's evaluations."""
    rounds, every = run.config.get("rounds", 1), run.config.get("eval_every", 1)
    return int(rounds) // max(int(every), 1) + 1


@cache
def _layout(n: int, edges: Edges) -> Record:
    """Places the nodes. The same graph always has the same layout."""
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges)
    place = nx.kamada_kawai_layout(graph) if n <= CAREFUL_NODES else nx.spring_layout(graph, seed=0)
    return {axis: [round(float(place[i][a]), 3) for i in range(n)] for a, axis in enumerate("xy")}


def _history(run: Run, fact: Mapping[str, Any], frames: int | None) -> tuple[Record, Record]:
    """Returns the graph of a run, with all edges that it ever had, and the run's frames."""
    nodes = _table(run, "nodes.csv")
    logged = np.unique(nodes["round"])
    rounds = logged
    if frames is not None:
        places = np.unique(np.linspace(0, len(logged) - 1, min(frames, len(logged))).round().astype(int))
        rounds = logged[places]
    at = {
        column: pivot(nodes["round"], nodes["node"], nodes[column])
        for column in tables(run.score)["nodes.csv"]
        if column not in WHOLE_NUMBERS
    }
    edges = {(i, j) for i, j in fact["edges"]}
    if fact["exact"]:
        counted = _table(run, "edges.csv")
        edges |= {(min(pair), max(pair)) for pair in zip(counted["node"], counted["neighbour"], strict=True)}
        by_frame = _exact(counted, rounds, logged)
    else:
        by_frame = [_by_kind(at, before, now, fact) for before, now in pairwise(rounds)]
    drawn = sorted((int(i), int(j)) for i, j in edges)

    def both_ways(of: Trust, part: int) -> list[int | None]:
        ways = [way for i, j in drawn for way in ((i, j), (j, i))]
        return [None if way[0] in fact["byzantine"] else of.get(way, NO_MESSAGE)[part] for way in ways]

    graph = {"n": fact["n"], "byzantine": fact["byzantine"], "edges": drawn}
    shown = {name: at[name].to_dict("index") for name in (run.score, "theta")}
    return graph, {
        "rounds": rounds.tolist(),
        "exact": fact["exact"],
        **{name: [both_ways(of, part) for of in by_frame] for part, name in enumerate(("trust", "weight"))},
        **{name: [_row(values[now], fact["n"]) for now in rounds[1:]] for name, values in shown.items()},
    }


def _exact(counted: Table, rounds: NDArray[Any], logged: NDArray[Any]) -> list[Trust]:
    """Sums edges.csv over each frame. It has a row for each edge with a message."""
    since = dict(zip(logged[1:].tolist(), np.diff(logged).tolist(), strict=True))
    lasting = np.array([since.get(now, np.nan) for now in counted["round"].tolist()])
    added = {"frame": np.searchsorted(rounds, counted["round"]), "weight": counted["weight"] * lasting}
    keys, values = ["frame", "node", "neighbour"], ["arrived", "accepted", "weight"]
    sums = pd.DataFrame({**counted, **added})[[*keys, *values]]
    if len(rounds) < len(logged):  # Otherwise an edge has a single row in each frame.
        sums = sums.groupby(keys, as_index=False)[values].sum(min_count=1)
    lengths = np.diff(rounds)
    frames: list[Trust] = [{} for _ in lengths]
    for frame, i, j, arrived, accepted, weight in sums.itertuples(index=False):
        frames[frame - 1][i, j] = (_percent(accepted / arrived), _percent(weight / lengths[frame - 1]))
    return frames


def _by_kind(at: Mapping[str, pd.DataFrame], before: int, now: int, fact: Mapping[str, Any]) -> Trust:
    """Returns a frame of a run without logged edges.

    Such a run has each node's numbers of accepted Byzantine and benign messages. All of a node's edges to nodes of one
    kind are alike, and weights are unknown.
    """
    logged = at["neighbours"].index
    between = logged[(logged > before) & (logged <= now)]
    byzantine = at["byzantine_neighbours"].loc[now]
    of_kind = {"byzantine": byzantine, "benign": at["neighbours"].loc[now] - byzantine}
    share = {
        kind: (at[f"{kind}_accepted"].loc[between].sum(skipna=False) / ((now - before) * count)).to_dict()
        for kind, count in of_kind.items()
    }
    ways = [way for i, j in fact["edges"] for way in ((i, j), (j, i)) if way[0] not in fact["byzantine"]]
    return {(i, j): (_percent(share["byzantine" if j in fact["byzantine"] else "benign"][i]), None) for i, j in ways}


def _percent(share: float) -> int | None:
    return round(100 * share) if np.isfinite(share) else None


def _row(values: Mapping[Hashable, float], n: int) -> list[float | None]:
    """Lists a value per node; None for nodes without a value."""
    return [round(values[i], 3) if i in values and math.isfinite(values[i]) else None for i in range(n)]


def _table(run: Run, name: str) -> Table:
    names, cells = table(run.folder / name)
    columns = np.array(cells, dtype=float).reshape(len(cells), len(names)).T
    return {
        name: column.astype(int) if name in WHOLE_NUMBERS else column
        for name, column in zip(names, columns, strict=True)
    }
