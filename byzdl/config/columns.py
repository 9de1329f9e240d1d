"""The columns of a run's tables, and their schema version.

Rates and counts are over the rounds since the last row. A cell is empty where a rule cannot say.
"""

from collections.abc import Iterable, Iterator, Mapping

# Analysis lists runs of any other version as unreadable.
SCHEMA_VERSION = 3

# The scores of tasks. `accuracy` in the names of columns below stands for the score of the run's task.
SCORES = ("accuracy", "r2")

# A row for each evaluation, over the benign nodes.
ROUND_COLUMNS = (
    "round",  # rounds done
    "epoch",  # local epochs done, the mean
    "accuracy_mean",  # on test samples
    "accuracy_worst",  # of the node with the lowest accuracy
    "accuracy_std",  # between the nodes
    "loss_mean",  # the cross-entropy on test samples; of a regression, the squared error of standardised targets
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

# Further columns of a regression, behind the loss: the root of the mean squared error, in units of the targets.
ERRORS = {"rounds.csv": "rmse_mean", "nodes.csv": "rmse"}

# Further columns where the partition keeps a validation share: each benign node's accuracy on its own hold-out. They are
# for choices such as a learning rate, which must not see test samples. The values that rules report follow them.
VALIDATION_COLUMNS = {
    "rounds.csv": ("validation_accuracy_mean", "validation_accuracy_worst"),
    "nodes.csv": ("validation_accuracy",),
}


def tables(score: str = "accuracy", validation: bool = False) -> dict[str, tuple[str, ...]]:
    """Returns the columns of each table, without those of reported values.

    - `score`: of the run's task, one of `SCORES`
    - `validation`: whether nodes hold out samples

    >>> tables("r2")["rounds.csv"][2:7]
    ('r2_mean', 'r2_worst', 'r2_std', 'loss_mean', 'rmse_mean')
    """
    return {
        table: tuple(_of_task(table, (*own, *(VALIDATION_COLUMNS.get(table, ()) if validation else ())), score))
        for table, own in TABLES.items()
    }


def _of_task(table: str, columns: Iterable[str], score: str) -> Iterator[str]:
    for column in columns:
        yield column.replace("accuracy", score)
        if score == "r2" and column in ("loss_mean", "loss"):
            yield ERRORS[table]


# Names that no reported value may have.
TAKEN = frozenset(name for score in SCORES for table in tables(score, validation=True).values() for name in table)

Row = Mapping[str, int | float | str | None]
