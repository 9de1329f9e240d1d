"""The views that attacks are checked on: what an attacker sees, from a few models."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from byzdl.attacks import AttackView, Knowledge, Messages, Rehearsal
from byzdl.attacks.view import standard_normal
from byzdl.exchange import Mix, Roster
from byzdl.topology import Network


def attack_view(
    benign: Tensor,
    previous: Tensor,
    own: Tensor,
    *,
    byzantine: int,
    attacker: Tensor,
    victim: Tensor,
    places: Sequence[int] | None = None,
    own_previous: Tensor | None = None,
    reach: float = 10.0,
) -> AttackView:
    """Builds what an attacker sees from matrices; among the learners its own models come last.

    Messages go to benign learners in turn, by their victims' numbers. A learner's neighbours are the attackers, in one column
    of weight 1/8 together, and the two benign learners beside it, of weights 1/4 and 1/2. The graph among benign nodes is a
    path. A victim's next model is the mean of its own model and of the messages to it within distance `reach`.

    - `benign`, `previous` [h, d]: the benign models x^{t+1/2} and x^t
    - `own` [B, d]: the attackers' own x^{t+1/2}; [0, d] if they do not train
    - `byzantine`: B
    - `attacker`, `victim` [E]: of each message, the sender's index among the attackers and the receiver's node number
    - `places`: each benign node's learner row; in order by default
    - `own_previous` [B, d]: the attackers' own x^t; zero by default

    >>> to_first = torch.zeros(1, dtype=torch.long)
    >>> view = attack_view(
    ...     torch.eye(2), torch.zeros(2, 2), torch.empty(0, 2), byzantine=1, attacker=to_first, victim=to_first
    ... )
    >>> view.benign.mean(0), view.victim_row
    (tensor([0.5000, 0.5000]), tensor([0]))
    """
    h, after = max(len(benign), 1), torch.cat([benign, own])
    place = torch.arange(h) if places is None else torch.tensor(places)
    nodes = place.argsort()
    beside = torch.stack([place[(nodes + 1) % h], place[(nodes + 2) % h], place[nodes]], dim=1)
    byzantine_column = torch.tensor([False, False, True])
    roster = Roster(
        learners=torch.cat([nodes, torch.arange(h, h + len(own))]),
        benign=torch.arange(len(after)) < len(benign),
        senders=torch.tensor([0, 1, h]).expand(len(after), 3),
        present=torch.ones(len(after), 3, dtype=torch.bool),
        byzantine=byzantine_column.expand(len(after), 3),
        metropolis=torch.tensor([0.25, 0.5, 0.125]).expand(len(after), 3),
        rows=torch.cat([beside, torch.zeros(len(own), 3, dtype=torch.long)])[: len(after)],
        attacker=attacker,
        victim=victim,
        victim_row=place[victim % h],
    )
    return AttackView(
        network=path(len(benign), byzantine),
        roster=roster,
        before=torch.cat([previous, torch.zeros_like(own) if own_previous is None else own_previous]),
        after=after,
        nodes=tuple(nodes[: len(benign)].tolist()),
        benign_rows=torch.arange(len(benign)),
        byzantine_rows=torch.arange(len(benign), len(after)),
        rehearsal=averaging(after, reach),
        initialise=standard_normal(after),
    )


def network_view(network: Network, before: Tensor, after: Tensor, *, reach: float = 10.0) -> AttackView:
    """Builds what an attacker sees of all learners on a graph.

    - `before`, `after` [L, d]: x^t and x^{t+1/2} of all nodes, or of the benign ones alone where attackers do not train
    - `reach`: see `attack_view`

    >>> triangle = Network(neighbours=((1, 2), (0, 2), (0, 1)), byzantine=(2,))
    >>> network_view(triangle, torch.zeros(2, 4), torch.ones(2, 4)).victim
    tensor([0, 1])
    """
    trains = len(after) == network.n
    learners = tuple(range(network.n)) if trains else network.benign
    roster = Roster.of(network, learners, torch.device("cpu"))
    rows = {node: row for row, node in enumerate(learners)}
    return AttackView(
        network=network,
        roster=roster,
        before=before,
        after=after,
        nodes=network.benign,
        benign_rows=torch.tensor([rows[node] for node in network.benign]),
        byzantine_rows=torch.tensor([rows[node] for node in network.byzantine if trains], dtype=torch.long),
        rehearsal=averaging(after, reach),
        initialise=standard_normal(after),
    )


def averaging(after: Tensor, reach: float) -> Rehearsal:
    """A defense to rehearse on: each learner averages its own model and the messages within a distance of it."""

    def rehearse(roster: Roster, trials: Sequence[Messages], knowledge: Knowledge) -> Iterator[Mix]:
        return (averaged(roster, messages) for messages in trials)

    def averaged(roster: Roster, messages: Messages) -> Mix:
        sent, victims = messages.models[messages.index], roster.victim_row
        near = (sent[:, None] - after).norm(dim=2) < reach
        accepted = near & (victims[:, None] == torch.arange(len(after)))
        heard = zip(after, accepted.T, strict=True)
        return Mix(torch.stack([torch.cat([x[None], sent[which]]).mean(0) for x, which in heard]))

    return rehearse


def path(benign: int, byzantine: int) -> Network:
    """Benign nodes on a path, and behind them Byzantine nodes without an edge.

    >>> path(3, 1)
    Network(neighbours=((1,), (0, 2), (1,), ()), byzantine=(3,), draws=1, directed=False)
    """
    around = [tuple(j for j in (i - 1, i + 1) if 0 <= j < benign) for i in range(benign)]
    return Network((*around, *[()] * byzantine), tuple(range(benign, benign + byzantine)))
