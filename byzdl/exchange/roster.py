"""The learners of a round, and the neighbours that each receives from.

A *learner* is a node that trains and aggregates: every benign node, and Byzantine nodes under an attack that follows
the protocol. Every array about received models is [L, k]: a row for each of the L learners, a column for each of up to
k neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor

from byzdl.topology import Network


class Neighbourhood(NamedTuple):
    """Describes the surroundings of a learner with Byzantine neighbours.

    - `row`: its learner row
    - `messages`: slice of its messages, among the E delivered Byzantine ones
    - `benign` [h_i]: learner rows of its benign neighbours, and of itself if benign, ascending
    - `nodes`: node numbers of the same

    >>> network = Network(neighbours=((1, 2), (0,), (0,)), byzantine=(2,))
    >>> Roster.of(network, learners=(0, 1), device=torch.device("cpu")).neighbourhoods
    (Neighbourhood(row=0, messages=slice(0, 1, None), benign=tensor([0, 1]), nodes=(0, 1)),)
    """

    row: int
    messages: slice
    benign: Tensor
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Roster:
    """Holds the learners of a round and their delivered messages.

    One roster serves all rounds while the graph stays and no message is lost. A learner's column belongs to the same
    neighbour for the whole run, even if the graph is redrawn: the state of a rule may hold a value per neighbour.

    >>> network = Network(neighbours=((1, 2), (0,), (0,)), byzantine=(2,))
    >>> roster = Roster.of(network, learners=(0, 1), device=torch.device("cpu"))
    >>> roster.senders, roster.byzantine
    (tensor([[ 1,  2], [ 0, -1]]), tensor([[False,  True], [False, False]]))

    - `learners` [L]: node numbers of the learners, ascending
    - `benign` [L]: mask of the benign learners
    - `senders` [L, k]: node number of each column's neighbour, ascending; -1 on the padding
    - `present` [L, k]: mask of the neighbours with a delivered message; false on the padding
    - `byzantine` [L, k]: mask of the truly Byzantine ones among these
    - `metropolis` [L, k]: the Metropolis weights W_ij of the graph, 0 where no message arrives
    - `rows` [L, k]: learner row of each neighbour that is a learner; the receiver's own row where no message arrives
    - `attacker`, `victim` [E]: for each delivered Byzantine message, in row-major order of `byzantine`: the sender's
      index among the B Byzantine nodes, and the receiver's node number
    - `victim_row` [E]: the receiver's learner row
    - `copies`: T. The rows of all arrays [L, k] are T copies of the learners, for trials of T sets of messages at once, see
      `times`; 1 in a round itself
    """

    learners: Tensor
    benign: Tensor
    senders: Tensor
    present: Tensor
    byzantine: Tensor
    metropolis: Tensor
    rows: Tensor
    attacker: Tensor
    victim: Tensor
    victim_row: Tensor
    copies: int = 1

    @classmethod
    def of(cls, network: Network, learners: tuple[int, ...], device: torch.device, everybody: bool = False) -> "Roster":
        """Builds the roster of a graph.

        - `everybody`: a column for every other node, not only for neighbours; needed if the graph is redrawn
        """
        around = [network.neighbours[i] for i in learners]
        columns = [[j for j in range(network.n) if j != i] for i in learners] if everybody else around
        k = max(map(len, columns))
        senders = torch.tensor([[*row, *[-1] * (k - len(row))] for row in columns], dtype=torch.long).reshape(
            len(learners), k
        )
        weights = [
            [network.metropolis(i, j) if j in neighbours else 0.0 for j in row]
            for i, neighbours, row in zip(learners, map(set, around), columns, strict=True)
        ]
        metropolis = torch.tensor([[*row, *[0.0] * (k - len(row))] for row in weights]).reshape(len(learners), k)
        present = metropolis > 0
        nodes, attackers = torch.tensor(learners), torch.tensor(network.byzantine, dtype=torch.long)
        byzantine = present & torch.isin(senders, attackers)
        return cls(
            learners=nodes,
            benign=~torch.isin(nodes, attackers),
            senders=senders,
            present=present,
            byzantine=byzantine,
            metropolis=metropolis,
            rows=torch.where(present, torch.searchsorted(nodes, senders), torch.arange(len(nodes))[:, None]),
            attacker=torch.searchsorted(attackers, senders[byzantine]),
            victim=nodes[byzantine.nonzero()[:, 0]],
            victim_row=byzantine.nonzero()[:, 0],
        ).to(device)

    def without(self, lost: Tensor) -> "Roster":
        """Removes the messages in `lost` [n, n], receivers by senders, from the roster."""
        present = self.present & ~lost[self.learners[:, None], self.senders]
        arrives = present[self.byzantine]
        return replace(
            self,
            present=present,
            byzantine=self.byzantine & present,
            metropolis=self.metropolis * present,
            rows=torch.where(present, self.rows, torch.arange(len(present), device=present.device)[:, None]),
            attacker=self.attacker[arrives],
            victim=self.victim[arrives],
            victim_row=self.victim_row[arrives],
        )

    def to(self, device: torch.device) -> "Roster":
        """Moves the roster to a device."""
        return self._changed(lambda tensor: tensor.to(device))

    def times(self, copies: int) -> "Roster":
        """Repeats the learners and their messages. Learner rows in `rows` and `victim_row` stay those of the first copy.

        >>> network = Network(neighbours=((1, 2), (0,), (0,)), byzantine=(2,))
        >>> roster = Roster.of(network, learners=(0, 1), device=torch.device("cpu")).times(2)
        >>> roster.senders.tolist(), roster.victim.tolist()
        ([[1, 2], [0, -1], [1, 2], [0, -1]], [0, 0])
        """
        if copies == 1:
            return self
        repeated = self._changed(lambda tensor: tensor.repeat(copies, *[1] * (tensor.ndim - 1)))
        return replace(repeated, copies=copies)

    def _changed(self, change: Callable[[Tensor], Tensor]) -> "Roster":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {k: change(v) if isinstance(v, Tensor) else v for k, v in values.items()}
        return Roster(**changed)

    @cached_property
    def arrived(self) -> tuple[Tensor, Tensor]:
        """Number of messages delivered to each learner from Byzantine and from benign neighbours, each float64 [L]."""
        return self.byzantine.sum(1).double(), (self.present & ~self.byzantine).sum(1).double()

    @cached_property
    def neighbourhoods(self) -> tuple[Neighbourhood, ...]:
        """Neighbourhoods of all learners with delivered Byzantine messages, in the order of these messages."""
        counts = self.byzantine.sum(1).tolist()
        neighbours = self.rows.masked_fill(~self.present | self.byzantine, -1).tolist()
        learners, is_benign = self.learners.tolist(), self.benign.tolist()
        found = []
        for i, (count, end) in enumerate(zip(counts, accumulate(counts), strict=True)):
            if count:
                benign = sorted([*(j for j in neighbours[i] if j >= 0), *([i] if is_benign[i] else [])])
                rows = torch.tensor(benign, dtype=torch.long, device=self.rows.device)
                found.append(Neighbourhood(i, slice(end - count, end), rows, tuple(learners[j] for j in benign)))
        return tuple(found)

    def only(self, one: Neighbourhood) -> "Roster":
        """Removes the messages to all other learners from the roster."""
        own = torch.arange(len(self.rows), device=self.rows.device)[:, None]
        here = own == one.row
        return replace(
            self,
            present=self.present & here,
            byzantine=self.byzantine & here,
            metropolis=self.metropolis * here,
            rows=torch.where(here, self.rows, own),
            attacker=self.attacker[one.messages],
            victim=self.victim[one.messages],
            victim_row=self.victim_row[one.messages],
        )
