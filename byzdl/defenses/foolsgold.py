"""FoolsGold: less weight for neighbours that move alike."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.config.types import Positive
from byzdl.defenses.base import Defense
from byzdl.defenses.updates import cosines, counted, origins
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import blocks, copied

ALIKE = 1 - 1e-9  # cosines from here on are those of equal directions


class FoolsgoldState(NamedTuple):
    """The sum of each neighbour's updates so far [L, k, d]."""

    summed: Tensor


class Foolsgold(Defense):
    """Averages the own and the received models, with less weight for neighbours whose updates point the same way.

    The update of neighbour j is x_j - x_i^t, with x_i^t from before the local step. A node sums the updates of each
    neighbour over all rounds, and compares the sums by their cosines cs_jk:

    1. v_j = max_k cs_jk, at least 0.
    2. Pardoning: where v_j < v_k, cs_jk is multiplied by v_j / v_k.
    3. a_j = 1 - max_k cs_jk, within [0, 1], divided by the largest a. An a_j of 1 becomes 0.99.
    4. Logit: w_j = confidence (log(a_j / (1 - a_j)) + 0.5), within [0, 1].

    The result is (x_i + sum_j w_j x_j) / (1 + sum_j w_j).

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[3.0, 3.0], [6.0, 6.0], [3.0, -3.0]])
    >>> inbox = by_hand(torch.tensor([[1.0, 0.0]]), [received])  # x_i^t is 0: two neighbours go the same way
    >>> _, mix = Foolsgold().aggregate(Foolsgold().begin(1, 3, d=2), inbox)
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[False, False, True]], [[2.0, -1.5]])

    - `confidence`: the paper's kappa, the steepness of the logit

    **Assumes** that attackers pursue one aim, so that their updates agree more than those of benign nodes: data that
    differ from node to node. With IID data, benign updates agree, too. The neighbour that differs most always has
    weight 1, so an attacker alone is trusted. The rule takes no f. If all neighbours go one way, all are rejected. A
    non-finite model has no weight, and adds nothing to its sum; nor does a message that was lost. A node with a
    non-finite own model keeps it. The state holds a model for each neighbour of each node.

    **Source:** C. Fung, C. J. M. Yoon, I. Beschastnikh, *The limitations of federated learning in sybil settings* (RAID
    2020, Algorithm 1; arXiv 1808.04866), with v_j of at least 0 as in the authors' code. There, a server adds up
    weighted gradients. Here, a mean takes the place of the sum, since models are mixed. The own model has weight 1, and
    is not compared. All parameters count alike; the paper's weights for indicative features of the output layer are
    left out.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    knows_neighbours: ClassVar[bool] = True

    confidence: Positive = 1.0

    def begin(self, learners: int, neighbours: int, d: int) -> FoolsgoldState:
        return FoolsgoldState(torch.zeros(learners, neighbours, d))

    def aggregate(self, state: FoolsgoldState, inbox: Inbox) -> tuple[FoolsgoldState, Mix]:
        among = counted(inbox)[:, 1:]
        summed, products = _added(state.summed, inbox, among)
        similar = torch.where(among[:, :, None] & among[:, None, :], cosines(products), 0.0)
        similar = torch.where(similar > ALIKE, 1.0, similar)
        similar.diagonal(dim1=1, dim2=2).zero_()
        raw = torch.where(among, self._weights(similar, among), 0.0)
        weights = raw / (1 + raw.sum(1, keepdim=True))
        return FoolsgoldState(summed), Mix(inbox.combine(weights), weights > 0, weights)

    def _weights(self, similar: Tensor, among: Tensor) -> Tensor:
        """Computes the weights w_j [L, k] from cosines [L, k, k] of which the diagonal is 0."""
        empty = similar.new_zeros(len(similar), 1)  # as a row may have no columns
        most = torch.cat([similar, empty[:, None].expand(-1, similar.shape[1], 1)], dim=2).amax(2)
        mine, others = most[:, :, None], most[:, None, :]
        pardoned = torch.where(mine < others, similar * mine / others.clamp(min=1e-300), similar)
        alone = torch.cat([pardoned, empty[:, None].expand(-1, similar.shape[1], 1)], dim=2).amax(2)
        a = torch.where(among, (1 - alone).clamp(0, 1), 0.0)
        largest = torch.cat([a, empty], dim=1).amax(1, keepdim=True)
        a = torch.where(largest > 0, a / largest, 0.0).clamp(max=0.99)
        return (self.confidence * (torch.log(a / (1 - a)) + 0.5)).clamp(0, 1)


def _added(summed: Tensor, inbox: Inbox, among: Tensor) -> tuple[Tensor, Tensor]:
    """Adds this round's updates to their sums [L, k, d]. Returns the new sums, and their inner products [L, k, k]."""
    after = torch.empty_like(summed)
    products = torch.zeros(*among.shape, among.shape[1], dtype=torch.float64, device=summed.device)
    largest = torch.finfo(summed.dtype).max
    at = origins(inbox)[:, None]
    for columns in blocks(summed.shape[2], summed[:, :, 0].numel(), summed.device):
        update = copied(inbox.models[:, columns], inbox.rows) - inbox.before[:, columns][at]
        total = summed[:, :, columns] + torch.where(among[:, :, None], update, 0.0)
        after[:, :, columns] = total.clamp_(-largest, largest)  # finite for ever
        part = after[:, :, columns].double()
        products.baddbmm_(part, part.mT)
    return after, products
