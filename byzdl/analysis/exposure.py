"""Who is hurt: nodes by how many of their neighbours are Byzantine. The rate is the graph's, a node has its own."""

import pandas as pd

from byzdl.analysis.statistics import final

# The shares of Byzantine neighbours that rules are proven for end at these.
SHARES = {"none": 0.0, "to 1/3": 1 / 3, "to 1/2": 1 / 2, "above": 1.0}

MARGIN = 0.1  # of accuracy: more than a split or the order of batches makes of it


def exposure(nodes: pd.DataFrame, margin: float = MARGIN) -> pd.DataFrame:
    """Which part of the nodes is lost, by the share of their neighbours that are Byzantine, over all attacks.

    Lost: the final accuracy is more than `margin` below that of the same node learning alone. `local` listens to
    nobody, so that its runs under any one attack stand for all.

    - `nodes`: as `load_nodes` gives it, with runs of `local`

    **Columns:** `setting`, `defense`, `byzantine` (of `SHARES`), `nodes` (how many), `lost` (the share of them).
    """
    last = final(nodes)
    same = ["setting", "br", "seed", "node"]
    alone = last[last["defense"] == "local"].drop_duplicates(same)[[*same, "accuracy"]]
    faced = last[(last["defense"] != "local") & (last["attack"] != "none")]
    faced = faced.merge(alone, on=same, suffixes=("", "_alone"))
    share = faced["byzantine_neighbours"] / faced["neighbours"].clip(lower=1)
    ends = [end + 1e-9 for end in SHARES.values()]  # a third of three is a third
    faced["byzantine"] = pd.cut(share, [-1.0, *ends], labels=list(SHARES))
    faced["lost"] = faced["accuracy"] < faced["accuracy_alone"] - margin
    groups = faced.groupby(["setting", "defense", "byzantine"], observed=True)["lost"]
    return groups.agg(nodes="size", lost="mean").reset_index()
