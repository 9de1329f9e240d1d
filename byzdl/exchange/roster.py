"""Who hears whom in a round.

A *learner* is a node that trains and aggregates: every benign node, and Byzantine
ones whose attack follows the protocol. Everything about received models is laid out
[L, k]: a row for each of the L learners, a column for each of up to k neighbours.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from byzdl.topology import Network


class Neighbourhood(NamedTuple):
    """What there is to know about a learner that hears Byzantine nodes.

    - `row`: where it stands among the learners
    - `messages`: which of the E are sent to it
    - `benign` [h_i]: where those of its neighbours and itself that are benign stand, ascending
    - `nodes`: their node numbers
    """

    row: int
    messages: slice
    benign: Tensor
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Roster:
    """Who hears whom in a round: in every round, while the graph stays and no message is lost.

    A column is one node's for the whole run, whatever becomes of the graph: rules may hold something of each neighbour.

    - `learners` [L]: their node numbers, ascending
    - `benign` [L]: which of them are
    - `senders` [L, k]: whose column it is, ascending by node number; -1 on the padding
    - `present` [L, k]: where there is a neighbour whose message arrives; false on the padding
    - `byzantine` [L, k]: which of these neighbours truly are Byzantine
    - `metropolis` [L, k]: the Metropolis weights W_ij of the graph, 0 where nobody is present
    - `rows` [L, k]: where a neighbour that is a learner stands among them; the learner itself where nobody is present
    - `attacker`, `victim` [E]: of every message from a Byzantine node that arrives, in the order in which `byzantine`
      has them, who of the B sends it and the node number of who gets it
    - `victim_row` [E]: where who gets it stands among the learners
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

    @classmethod
    def of(cls, network: Network, learners: tuple[int, ...], device: torch.device, everybody: bool = False) -> "Roster":
        """The roster of a graph, with a column for each neighbour; or for `everybody` else, where later graphs differ."""
        around = [network.neighbours[i] for i in learners]
        columns = [[j for j in range(network.n) if j != i] for i in learners] if everybody else around
        k = max(map(len, columns))
        senders = torch.tensor([[*row, *[-1] * (k - len(row))] for row in columns], dtype=torch.long).reshape(
            len(learners), k
        )
        weights = [
            [network.metropolis(i, j) if j in near else 0.0 for j in row]
            for i, near, row in zip(learners, map(set, around), columns, strict=True)
        ]
        metropolis = torch.tensor([[*row, *[0.0] * (k - len(row))] for row in weights]).reshape(len(learners), k)
        present = metropolis > 0
        nodes, bad = torch.tensor(learners), torch.tensor(network.byzantine, dtype=torch.long)
        byzantine = present & torch.isin(senders, bad)
        return cls(
            learners=nodes,
            benign=~torch.isin(nodes, bad),
            senders=senders,
            present=present,
            byzantine=byzantine,
            metropolis=metropolis,
            rows=torch.where(present, torch.searchsorted(nodes, senders), torch.arange(len(nodes))[:, None]),
            attacker=torch.searchsorted(bad, senders[byzantine]),
            victim=nodes[byzantine.nonzero()[:, 0]],
            victim_row=byzantine.nonzero()[:, 0],
        ).to(device)

    def without(self, lost: Tensor) -> "Roster":
        """The roster without the messages that are `lost` [n, n], receivers by senders."""
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
        return Roster(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    @cached_property
    def arrived(self) -> tuple[Tensor, Tensor]:
        """How many messages each learner gets from Byzantine and from benign neighbours, each float64 [L]."""
        return self.byzantine.sum(1).double(), (self.present & ~self.byzantine).sum(1).double()

    @cached_property
    def neighbourhoods(self) -> tuple[Neighbourhood, ...]:
        """Those of all learners that hear Byzantine nodes, in the order of their messages."""
        heard = self.byzantine.sum(1).tolist()
        around = self.rows.masked_fill(~self.present | self.byzantine, -1).tolist()
        learners, honest = self.learners.tolist(), self.benign.tolist()
        found = []
        for i, (count, end) in enumerate(zip(heard, accumulate(heard), strict=True)):
            if count:
                benign = sorted([*(j for j in around[i] if j >= 0), *([i] if honest[i] else [])])
                places = torch.tensor(benign, dtype=torch.long, device=self.rows.device)
                found.append(Neighbourhood(i, slice(end - count, end), places, tuple(learners[j] for j in benign)))
        return tuple(found)

    def only(self, one: Neighbourhood) -> "Roster":
        """The roster in which nobody else hears anybody."""
        places = torch.arange(len(self.rows), device=self.rows.device)[:, None]
        here = places == one.row
        return replace(
            self,
            present=self.present & here,
            byzantine=self.byzantine & here,
            metropolis=self.metropolis * here,
            rows=torch.where(here, self.rows, places),
            attacker=self.attacker[one.messages],
            victim=self.victim[one.messages],
            victim_row=self.victim_row[one.messages],
        )
