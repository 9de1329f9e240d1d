"""SignGuard: a filter on norms, and one on the signs of updates."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import NonNegative, Positive, PositiveShare
from byzdl.defenses.base import Defense
from byzdl.defenses.updates import counted, origins, update_norms, updated
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.mean_shift import bandwidths, mean_shift
from byzdl.vectors.medians import medians


class Signguard(Defense):
    """Averages the updates of usual length whose signs are like those of most others, clipped to the median length.

    The update of a model is u_j = x_j - x_i^t, with x_i^t from before the local step; the own one is among them.

    1. Norms: S is the median of all ||u_j||. An update passes with a norm from `lower` S to `upper` S.
    2. Signs: in a random stretch of `share` d coordinates, the shares of positive, zero and negative signs are counted.
       Each of the three is divided by its largest value among the updates. Mean shift clusters the updates by these
       three numbers. The bandwidth is the mean distance from an update to the farthest of its nearest half. The
       largest cluster passes: among several, that of the own update, or else the densest.
    3. The result is x_i^t plus the mean of all u_j min(1, S / ||u_j||) that pass both.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[2.0, 1.0], [1.0, 3.0], [2.0, 2.0], [-2.0, -2.0], [90.0, 90.0]])
    >>> inbox = by_hand(torch.tensor([[2.0, 2.0]]), [received])  # x_i^t is 0
    >>> _, mix = Signguard(share=1.0).aggregate((), inbox)
    >>> mix.selected
    tensor([[ True,  True,  True, False, False]])

    - `lower`, `upper`: the least and the largest norm that passes, relative to the median
    - `share`: the share of coordinates whose signs are counted

    **Assumes** that more than half of the models, the own one among them, are benign, and that attackers change the
    balance of signs or the length. The rule takes no f. A node that accepts nobody keeps its own model, and so does one
    with a non-finite own model. A non-finite model is not counted. With two or three models the bandwidth is 0, and
    only equal signs make a cluster.

    **Source:** J. Xu et al., *Byzantine-robust federated learning through collaborative malicious gradient filtering*
    (ICDCS 2022, arXiv 2109.05872), without the similarity feature of its variants. The bandwidth, the division by the
    largest value, and a stretch of coordinates in place of single ones are those of the authors' code. That code starts
    mean shift from bins, and here it starts from each update. There, all clients start from the server's model. Here,
    u_j is seen from the receiver's, and holds the whole difference.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    lower: NonNegative = 0.1
    upper: Positive = 3.0
    share: PositiveShare = 0.1

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        among, norms = counted(inbox), update_norms(inbox)
        median = medians(norms, among)[:, None]
        usual = among & (norms >= self.lower * median) & (norms <= self.upper * median)
        passes = usual & self._alike(inbox, among)
        clipped = torch.where(norms > median, median / norms, 1.0)
        shares = torch.where(passes, clipped / passes.sum(1, keepdim=True).clamp(min=1), 0.0)
        return state, Mix(updated(inbox, shares, passes[:, 1:]), passes[:, 1:])

    def _alike(self, inbox: Inbox, among: Tensor) -> Tensor:
        """Masks the pool's largest cluster by signs [L, 1 + k]."""
        signs = self._signs(inbox) * among[:, :, None]
        features = signs / (signs.amax(1, keepdim=True) + 1e-8)
        return largest_cluster(mean_shift(features, among, bandwidths(features, among)))

    def _signs(self, inbox: Inbox) -> Tensor:
        """Counts the shares of positive, zero and negative signs of the pool's updates [L, 1 + k, 3], float64."""
        d = inbox.own.shape[1]
        width = max(1, int(self.share * d + 1e-9))
        counts = []
        for node, rows, at in zip(inbox.nodes, inbox.pool, origins(inbox), strict=True):
            start = int(inbox.stream(node).integers(0, d - width + 1))
            stretch = slice(start, start + width)
            models, before = (
                inbox.models[:, stretch].index_select(0, rows),
                inbox.before[:, stretch].index_select(0, at[None]),
            )
            counts.append(
                torch.stack([(models > before).sum(1), (models == before).sum(1), (models < before).sum(1)], 1)
            )
        return torch.stack(counts).double() / width


def largest_cluster(clusters: Tensor) -> Tensor:
    """Masks the points of the largest cluster in each row.

    Among several, it is that of the first point, or else the one of the lowest number.

    - `clusters` [L, p]: the number of each point's cluster, or -1

    >>> largest_cluster(torch.tensor([[2, 0, 2, 0, -1, 1]]))
    tensor([[ True, False,  True, False, False, False]])
    """
    same = (clusters[:, :, None] == clusters[:, None, :]) & (clusters >= 0)[:, None, :]
    sizes = same.sum(2)
    largest = sizes == sizes.amax(1, keepdim=True)
    number = torch.where(largest, clusters, clusters.shape[1]).amin(1, keepdim=True)
    chosen = torch.where(largest[:, :1], clusters[:, :1], number)
    return (clusters == chosen) & (clusters >= 0)
