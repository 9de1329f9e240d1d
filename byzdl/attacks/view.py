"""The attackers' view of a round: everything that they might know, and a rehearsal of the defense."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from byzdl.attacks.messages import Messages
from byzdl.exchange import Mix, Neighbourhood, Roster
from byzdl.random_streams import stream
from byzdl.topology import Network

Knowledge = Literal["batch", "data"]
"""The data for losses in a rehearsal: each learner's own mini-batch, or an estimate from the attackers' own data."""


class Rehearsal(Protocol):
    """Runs the defense in use on each of several sets of messages, without effect on the run.

    It is the function behind `AttackView.rehearse` and `AttackView.rehearse_each`.

    >>> models = torch.zeros(2, 3)
    >>> def local(roster, trials, knowledge):  # a defense that mixes nothing in
    ...     return (Mix(models) for messages in trials)
    >>> rehearsal: Rehearsal = local
    """

    def __call__(self, roster: Roster, trials: Sequence[Messages], knowledge: Knowledge) -> Iterable[Mix]: ...


class Initialise(Protocol):
    """Draws a freshly initialised model [d] of the network in use, by a key: the function behind `AttackView.fresh`.

    >>> initialise: Initialise = lambda *key: torch.full((3,), float(sum(key)))  # a network of three parameters
    """

    def __call__(self, *key: int) -> Tensor: ...


def standard_normal(like: Tensor, seed: int = 0) -> Initialise:
    """Stands in where there is no network: every parameter is standard normal.

    - `like` [..., d]: models, for d, the type and the device

    >>> standard_normal(torch.zeros(2, 3))(0).shape
    torch.Size([3])
    """
    return lambda *key: torch.from_numpy(stream(seed, "fresh", *key).standard_normal(like.shape[-1])).to(like)


@dataclass(frozen=True)
class AttackView:
    """Holds everything that an attacker might know in a round.

    Each attack uses a part of it, and states this part under **Knows**. Shapes are in these sizes:

    - L: learners, the nodes that train and aggregate: all benign nodes, and the Byzantine nodes if they train
    - h: benign nodes that the attacker sees; all of them, unless `scope: neighbourhood` restricts the view
    - B: Byzantine nodes
    - E: messages from Byzantine nodes to learners
    - k: neighbours of a learner, at most
    - d: parameters of a model

    The E messages are those that will arrive: an attacker knows beforehand which messages the links lose. Neighbours,
    too, are those of the round, without the senders of lost messages.

    - `network`: the graph
    - `roster`: the senders and receivers of the round
    - `before`, `after` [L, d]: the learners' models x^t and x^{t+1/2}
    - `nodes`: the node numbers of the h benign nodes, ascending
    - `benign_rows` [h]: the learner rows of the same nodes
    - `byzantine_rows` [B]: the learner rows of the Byzantine nodes; [0] if they do not train
    - `rehearsal`: runs the defense in use, see `rehearse`
    - `initialise`: draws initial models, see `fresh`
    - `seed`: the run's seed
    - `round`: the number of rounds done

    >>> from byzdl.testing import network_view
    >>> triangle = Network(neighbours=((1, 2), (0, 2), (0, 1)), byzantine=(2,))
    >>> view = network_view(triangle, before=torch.zeros(2, 1), after=torch.tensor([[1.0], [3.0]]))
    >>> view.benign.mean(0), view.attacker, view.victim  # node 2 sends one message to node 0, and one to node 1
    (tensor([2.]), tensor([0, 0]), tensor([0, 1]))
    """

    network: Network
    roster: Roster
    before: Tensor
    after: Tensor
    nodes: tuple[int, ...]
    benign_rows: Tensor
    byzantine_rows: Tensor
    rehearsal: Rehearsal
    initialise: Initialise
    seed: int = 0
    round: int = 0

    @property
    def byzantine(self) -> int:
        """The number of Byzantine nodes, B."""
        return len(self.network.byzantine)

    @property
    def benign(self) -> Tensor:
        """The benign models x^{t+1/2} [h, d]."""
        return self._benign(self.after)

    @property
    def previous(self) -> Tensor:
        """The benign models x^t [h, d]."""
        return self._benign(self.before)

    @property
    def own(self) -> Tensor:
        """The attackers' own models x^{t+1/2} [B, d] if they train, else [0, d]."""
        return self.after[self.byzantine_rows]

    @property
    def own_previous(self) -> Tensor:
        """The attackers' own models x^t [B, d] if they train, else [0, d]."""
        return self.before[self.byzantine_rows]

    @property
    def attacker(self) -> Tensor:
        """For each message, the sender's index among the B Byzantine nodes [E]."""
        return self.roster.attacker

    @property
    def victim(self) -> Tensor:
        """For each message, the receiver's node number [E]."""
        return self.roster.victim

    @property
    def victim_row(self) -> Tensor:
        """For each message, the receiver's learner row [E]."""
        return self.roster.victim_row

    @property
    def harmed(self) -> Tensor:
        """Mask of the benign learners that receive Byzantine messages [L]."""
        return self.roster.benign & self.roster.byzantine.any(1)

    @cached_property
    def around(self) -> Tensor:
        """For each message, the learner rows of the victim's neighbours [E, k].

        The victim's own row stands in for padding and for Byzantine neighbours.
        """
        roster, row = self.roster, self.victim_row
        return torch.where(roster.byzantine[row], row[:, None], roster.rows[row])

    @cached_property
    def trusted(self) -> Tensor:
        """For each message, the Metropolis weights W_ij of the victim's benign neighbours, 0 elsewhere [E, k]."""
        return self.roster.metropolis.masked_fill(self.roster.byzantine, 0)[self.victim_row]

    @cached_property
    def infiltrated(self) -> Tensor:
        """For each message, the total Metropolis weight of the victim's Byzantine neighbours [E]."""
        return (self.roster.metropolis * self.roster.byzantine).sum(1)[self.victim_row]

    def pull(self) -> Tensor:
        """Computes, for each message, the pull of gossip on its victim i: sum_j W_ij (x_j - x_i) [E, d].

        The sum runs over the victim's benign neighbours j, and models are x^{t+1/2}.
        """
        weights = torch.cat([-self.trusted.sum(1, keepdim=True), self.trusted], dim=1)
        rows = torch.cat([self.victim_row[:, None], self.around], dim=1)
        return F.embedding_bag(rows, self.after, per_sample_weights=weights, mode="sum")

    def rehearse(self, messages: Messages, knowledge: Knowledge = "batch") -> Mix:
        """Runs the defense in use, in its current state, on messages to all learners. The run itself is unchanged.

        - `knowledge`: the data for losses. `batch`: each learner's own mini-batch. `data`: the attackers' estimate from
          their own data, the mini-batch of the learner's lowest-numbered Byzantine neighbour
        """
        (mix,) = self.rehearse_each([messages], knowledge)
        return mix

    def rehearse_each(self, trials: Sequence[Messages], knowledge: Knowledge = "batch") -> Iterable[Mix]:
        """Yields what `rehearse` returns for each of several sets of messages, at a part of the cost."""
        return self.rehearsal(self.roster, trials, knowledge)

    def fresh(self, *key: int) -> Tensor:
        """Returns a freshly initialised model [d] of the network in use, drawn for this round and a key.

        It is the same in every repetition of the run, and another one than the model from which all nodes start.
        """
        return self.initialise(self.round, *key)

    def near(self, one: Neighbourhood) -> "AttackView":
        """Restricts the view to one neighbourhood.

        No other learner receives any message, and no benign node outside is seen. The graph, B and the attackers' own
        models stay the same.
        """
        return replace(self, roster=self.roster.only(one), nodes=one.nodes, benign_rows=one.benign)

    def stream(self, *key: int) -> np.random.Generator:
        """Returns the attack's random generator of this round and a key.

        It gives the same numbers in every repetition of the run, and no other stream depends on it.
        """
        return stream(self.seed, "attack", self.round, *key)

    def _benign(self, models: Tensor) -> Tensor:
        # No copy where all learners are benign.
        return models if len(self.benign_rows) == len(models) else models[self.benign_rows]
