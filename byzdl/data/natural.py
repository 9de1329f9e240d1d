"""The split that the data come with: by the users to whom samples belong."""

import heapq
from typing import ClassVar

import numpy as np

from byzdl.config.types import ConfigError
from byzdl.data.partition import By, Index, Partition


class Natural(Partition):
    """Deals users to nodes, each with all of its samples: the split of data that say to whom a sample belongs.

    The largest user comes first, and each goes to the node with the fewest samples so far. Users of one size come in
    random order, and so do nodes with as many samples. With `topology.n=null` there are as many nodes as users.

    Data sets say to whom samples belong by an array `groups` (`arrays`), a column (`table`, `dataset.groups`), a level of
    folders (`image_folder`, `dataset.users`), or in their own class (`Arrays.groups`).
    """

    by: ClassVar[By] = "user"

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        users, user_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        if n > len(users):
            takes = f"at most {len(users)}, the number of users; null is a node for each user"
            raise ConfigError.of("topology.n", n, takes)
        order = rng.permutation(len(users))
        order = order[np.argsort(-sizes[order], kind="stable")]
        nodes = [
            (0, int(turn), node) for node, turn in enumerate(rng.permutation(n))
        ]  # a heap: by samples, then by turn
        node_of = np.zeros(len(users), dtype=np.int64)
        heapq.heapify(nodes)
        for user in order.tolist():
            samples, turn, node = nodes[0]
            node_of[user] = node
            heapq.heapreplace(nodes, (samples + int(sizes[user]), turn, node))
        holders = node_of[user_of]
        by_node = np.argsort(holders, kind="stable")
        return np.split(by_node, np.cumsum(np.bincount(holders, minlength=n))[:-1])
