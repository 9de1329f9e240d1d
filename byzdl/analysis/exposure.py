"""Counts lost nodes by their share of Byzantine neighbours. B_r is the graph's rate; each node has its own."""

import pandas as pd

from byzdl.analysis.scores import score_of
from byzdl.analysis.statistics import final

# Upper ends of the shares of Byzantine neighbours. Guarantees of rules end at 1/3 or 1/2.
SHARES = {"none": 0.0, "to 1/3": 1 / 3, "to 1/2": 1 / 2, "above": 1.0}

MARGIN = 0.1  # of accuracy, or R²: more than the effect of another split or another order of batches


def exposure(nodes: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Computes the share of lost nodes over all attacks, by the nodes' share of Byzantine neighbours.

    A node is lost if its final accuracy, or R², is more than `margin` below that of the same node learning alone. `local`
    accepts no message, so its runs under one attack count for all attacks.

    - `nodes`: from `load_nodes`, with runs of `local`

    **Columns:** `setting`, `defense`, `byzantine` (a key of `SHARES`), `nodes` (their number), `lost` (the lost share).

    >>> case = {"setting": "", "br": 0.3, "seed": 0, "round": 20, "attack": "max", "node": 0}
    >>> neighbours = {"neighbours": 4, "byzantine_neighbours": 1}
    >>> columns = {"run": ["a", "b"], "defense": ["ubar", "local"], "accuracy": [0.5, 0.75]}
    >>> exposure(pd.DataFrame({**case, **neighbours, **columns}))
      setting defense byzantine  nodes  lost
    0            ubar    to 1/3      1   1.0
    """
    last, score = final(nodes), score_of(nodes).name
    same = ["setting", "br", "seed", "node"]
    alone = last[last["defense"] == "local"].drop_duplicates(same)[[*same, score]]
    faced = last[(last["defense"] != "local") & (last["attack"] != "none")]
    faced = faced.merge(alone, on=same, suffixes=("", "_alone"))
    share = faced["byzantine_neighbours"] / faced["neighbours"].clip(lower=1)
    ends = [end + 1e-9 for end in SHARES.values()]  # a third of three is a third
    faced["byzantine"] = pd.cut(share, [-1.0, *ends], labels=list(SHARES))
    # A node whose score is not a number is lost, too.
    faced["lost"] = ~(faced[score] >= faced[f"{score}_alone"] - margin)
    groups = faced.groupby(["setting", "defense", "byzantine"], observed=True)["lost"]
    return groups.agg(nodes="size", lost="mean").reset_index()
