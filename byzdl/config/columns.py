"""The columns of a run's tables, and their schema version. Imports nothing."""

from collections.abc import Mapping

# Analysis lists runs of any other version as unreadable.
SCHEMA_VERSION = 3

ROUND_COLUMNS = (
    "round",
    "epoch",
    "accuracy_mean",
    "accuracy_worst",
    "accuracy_std",
    "loss_mean",
    "consensus_distance",
    "byzantine_accept_rate",
    "benign_accept_rate",
    "byzantine_weight",
    "alone_rate",
    "fallback_rate",
    "theta_mean",
    "attack_success_rate",
    "seconds",
)

# Further columns of rounds.csv, where the partition keeps a validation share.
VALIDATION_COLUMNS = ("validation_accuracy_mean", "validation_accuracy_worst")

NODE_COLUMNS = (
    "round",
    "node",
    "accuracy",
    "loss",
    "theta",
    "byzantine_accepted",
    "benign_accepted",
    "neighbours",
    "byzantine_neighbours",
)

EDGE_COLUMNS = ("round", "node", "neighbour", "arrived", "accepted", "weight")

TABLES = {"rounds.csv": ROUND_COLUMNS, "nodes.csv": NODE_COLUMNS, "edges.csv": EDGE_COLUMNS}

# A cell is empty where a rule cannot say.
Row = Mapping[str, int | float | str | None]
