"""The columns of a run's tables, and their schema version. Imports nothing.

Rates and counts are over the rounds since the last row. A cell is empty where a rule cannot say.
"""

from collections.abc import Mapping

# Analysis lists runs of any other version as unreadable.
SCHEMA_VERSION = 3

# A row for each evaluation, over the benign nodes.
ROUND_COLUMNS = (
    "round",  # rounds done
    "epoch",  # local epochs done, the mean
    "accuracy_mean",  # on test images
    "accuracy_worst",  # of the node with the lowest accuracy
    "accuracy_std",  # between the nodes
    "loss_mean",  # the cross-entropy on test images
    "consensus_distance",  # the mean of ||x_i - mean||^2
    "byzantine_accept_rate",  # the share of Byzantine messages that the defense accepted
    "benign_accept_rate",  # the same for messages from benign neighbours
    "byzantine_weight",  # the weight of Byzantine models in a mix, the mean
    "alone_rate",  # the share of node-rounds in which nothing was accepted
    "fallback_rate",  # the share of node-rounds in which the rule's fall-back chose
    "theta_mean",  # the threshold, if the rule has one
    "attack_success_rate",  # the share of triggered test images that are taken for the target, if there is a trigger
    "seconds",  # since the start, in all processes of the run
)

# A row for each benign node and evaluation.
NODE_COLUMNS = (
    "round",
    "node",
    "accuracy",
    "loss",
    "theta",
    "byzantine_accepted",  # messages
    "benign_accepted",
    "neighbours",  # in the graph of the last round
    "byzantine_neighbours",
)

# A row for each edge on which a benign node received a message. Large graphs have none, nor nodes that do not listen.
EDGE_COLUMNS = (
    "round",
    "node",  # the receiver
    "neighbour",  # the sender
    "arrived",  # messages received
    "accepted",  # those that the defense accepted
    "weight",  # of the sender's model in the mix, the mean over all rounds
)

TABLES = {"rounds.csv": ROUND_COLUMNS, "nodes.csv": NODE_COLUMNS, "edges.csv": EDGE_COLUMNS}

# Further columns where the partition keeps a validation share: each benign node's accuracy on its own hold-out. They are
# for choices such as a learning rate, which must not see test images. The values that rules report follow them.
VALIDATION_COLUMNS = {
    "rounds.csv": ("validation_accuracy_mean", "validation_accuracy_worst"),
    "nodes.csv": ("validation_accuracy",),
}

# Names that no reported value may have.
TAKEN = frozenset(name for table in (*TABLES.values(), *VALIDATION_COLUMNS.values()) for name in table)

Row = Mapping[str, int | float | str | None]
