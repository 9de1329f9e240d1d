"""WFAgg: weights by how many of three filters a model passes."""

from typing import Annotated, ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.config.types import Natural, Share, takes
from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import blocks, copied
from byzdl.vectors.selection import smallest
from byzdl.vectors.to_median import to_median

NEAR, LIKE, STEADY = 0.4, 0.4, 0.2  # the paper's weights of the three filters


class WfaggState(NamedTuple):
    """What a node remembers of its neighbours.

    - `last` [L, k, d]: the last finite model of each
    - `heard` [L, k]: whether there was one
    - `changes` [L, k, window, 2], float64: the distance and the cosine distance of its latest changes, the latest first
    - `number` [L, k]: the number of these so far
    """

    last: Tensor
    heard: Tensor
    changes: Tensor
    number: Tensor


class Wfagg(Tolerant):
    """Averages the received models that pass two of three filters, and weighs them by the filters that they pass.

    1. Distance, weight 0.4: the max(|N_i| - f - 1, 1) models nearest to the median of the received ones pass. The
       median is that of each coordinate.
    2. Cosine, weight 0.4: as many models pass, those of the largest cosine with the median.
    3. Time, weight 0.2: a model passes if it changed about as usual since the neighbour's last one. Its distance and
       its cosine distance to that one both lie within a standard deviation of their means over the last `window`
       changes.

    A model has the sum of the weights of the filters that it passes, if these are at least two. The result is
    alpha x_i + (1 - alpha) times the weighted mean.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[3.0, 4.0], [4.0, 4.0], [3.0, 5.0], [90.0, 90.0]])
    >>> inbox = by_hand(torch.tensor([[0.0, 0.0]]), [received])
    >>> _, mix = Wfagg(f=1).aggregate(Wfagg().begin(1, 4, d=2), inbox)  # the median is (3.5, 4.5), and two models pass
    >>> mix.selected
    tensor([[ True, False, False, False]])

    - `alpha`: weight of the own model in the mix
    - `window`: the number of changes that the third filter compares with; before so many, no model passes it
    - `transient`: rounds at the start whose changes are not counted
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours, a minority of N_i, and benign models that change steadily. Where |N_i| < f + 2,
    one model passes each of the first two filters; run.json and the log say so. Where none passes two, the node keeps
    its own model. A non-finite model passes no filter, and is not remembered. The state holds a model for each
    neighbour of each node.

    **Source:** D. Cajaraville-Aboy et al., *Byzantine-robust aggregation for securing decentralized federated learning*
    (arXiv 2409.17754), after its abstract and public code. In that code, means and standard deviations of the last two
    changes are moving averages with a factor of 0.01. Here they are plain, the standard deviation that of a sample.
    The default of alpha is ours, that of all rules here.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    knows_neighbours: ClassVar[bool] = True

    alpha: Share = 0.5
    window: Annotated[int, takes("an integer, at least 2", lambda v: v >= 2)] = 2
    transient: Natural = 0

    needs: ClassVar[int] = 2
    otherwise: ClassVar[str] = "at these nodes, one model passes each of the filters by distance and cosine"

    def begin(self, learners: int, neighbours: int, d: int) -> WfaggState:
        return WfaggState(
            last=torch.zeros(learners, neighbours, d),
            heard=torch.zeros(learners, neighbours, dtype=torch.bool),
            changes=torch.zeros(learners, neighbours, self.window, 2, dtype=torch.float64),
            number=torch.zeros(learners, neighbours, dtype=torch.long),
        )

    def aggregate(self, state: WfaggState, inbox: Inbox) -> tuple[WfaggState, Mix]:
        most = (inbox.degree - self.tolerated(inbox) - 1).clamp(min=1)
        distances, cosines = to_median(inbox.models, inbox.rows, inbox.valid)
        near = smallest(distances, most, among=inbox.valid)
        like = smallest(-cosines, most, among=inbox.valid)
        state, steady = self._remembered(state, inbox)
        passed = near.long() + like.long() + steady.long()
        raw = torch.where(passed >= 2, NEAR * near + LIKE * like + STEADY * steady, 0.0)
        total = raw.sum(1, keepdim=True)
        weights = (1 - self.alpha) * raw / total.clamp(min=STEADY)
        own = torch.where(total[:, 0] > 0, self.alpha, 1.0)
        return state, Mix(inbox.combine(weights, own), weights > 0, weights)

    def _remembered(self, state: WfaggState, inbox: Inbox) -> tuple[WfaggState, Tensor]:
        """Returns the next state, and a mask of the models that changed as usual [L, k]."""
        change, last = _change(state.last, inbox)
        counts = inbox.valid & state.heard & (inbox.round >= self.transient)
        mean = state.changes.mean(2)
        std = ((state.changes - mean[:, :, None]).square().sum(2) / (self.window - 1)).sqrt()
        # The mean of equal values may differ from them in the last digit.
        usual = ((change - mean).abs() <= std + 1e-9 * mean.abs()).all(2)
        steady = counts & (state.number >= self.window) & usual
        newer = torch.cat([change[:, :, None], state.changes[:, :, :-1]], dim=2)
        changes = torch.where(counts[:, :, None, None], newer, state.changes)
        return WfaggState(last, state.heard | inbox.valid, changes, state.number + counts), steady


def _change(last: Tensor, inbox: Inbox) -> tuple[Tensor, Tensor]:
    """Computes the distance and the cosine distance to the last models [L, k, 2]. Returns the new last ones, too."""
    after, valid = torch.empty_like(last), inbox.valid[:, :, None]
    squared, product, old, new = torch.zeros(4, *last.shape[:2], dtype=torch.float64, device=last.device)
    for columns in blocks(last.shape[2], last[:, :, 0].numel(), last.device):
        before = last[:, :, columns]
        after[:, :, columns] = torch.where(valid, copied(inbox.models[:, columns], inbox.rows), before)
        one, other = before.double(), after[:, :, columns].double()
        product += (one * other).sum(2)
        old += one.square().sum(2)
        new += other.square().sum(2)
        squared += other.sub_(one).square_().sum(2)
    both = (old * new).sqrt()
    cosine = torch.where(both > 0, product / both, 0.0)
    return torch.stack([squared.sqrt(), 1 - cosine], dim=2), after
