"""FLAME: the majority cluster of directions, clipped."""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from byzdl.config.types import NonNegative
from byzdl.defenses.base import Defense
from byzdl.defenses.updates import cosines, counted, origins, update_norms, update_products, updated
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.medians import medians
from byzdl.vectors.on_host import on_host
from byzdl.vectors.updates import products_around


class Flame(Defense):
    """Averages the updates of the majority that points about the same way, clipped to the median length.

    The update of a model is u_j = x_j - x_i^t, with x_i^t from before the local step; the own one is among them.

    1. Clustering: HDBSCAN on the cosine distances 1 - cos of all p models, with clusters of at least floor(p/2) + 1.
       So there is one at most; all others are rejected, the own one included.
    2. Clipping: S is the median of all ||u_j||. An accepted update is multiplied by min(1, S / ||u_j||).
    3. The result is x_i^t plus the mean of these updates, and noise of standard deviation `noise` S.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[3.0, 0.1], [4.0, 0.0], [-1.0, 0.0]])
    >>> inbox = by_hand(torch.tensor([[2.0, 0.0]]), [received])  # x_i^t is 0, and S is 2.5008
    >>> _, mix = Flame().aggregate((), inbox)
    >>> mix.selected, mix.models
    (tensor([[ True,  True, False]]), tensor([[2.3334, 0.0278]]))

    - `noise`: the standard deviation of the noise, relative to S. The paper's is some 0.001, for (epsilon, delta)
      differential privacy
    - `cosines`: of the `models`, as the paper's algorithm has it, or of their `updates`

    **Assumes** that more than half of the models, the own one among them, are benign, and that these point about the
    same way. The rule takes no f. Where no cluster is found, the node keeps its own model. A non-finite model is in no
    cluster. A node with a non-finite own model keeps it. Clusters are found by the processor, so a GPU waits for it
    once a round.

    **Source:** T. D. Nguyen et al., *FLAME: taming backdoors in federated learning* (USENIX Security 2022, Algorithm 1;
    arXiv 2101.02281). Public implementations allow a single cluster and demand one other neighbour for a core point
    (`allow_single_cluster`, `min_samples` of 1); so does this one, with scikit-learn's HDBSCAN. There, all clients
    start from the server's model. Here, u_j is seen from the receiver's, and holds the whole difference.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    noise: NonNegative = 0.0
    cosines: Literal["models", "updates"] = "models"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        among, norms = counted(inbox), update_norms(inbox)
        majority = self._majority(inbox, among)
        median = medians(norms, among)[:, None]
        clipped = torch.where(norms > median, median / norms, 1.0)
        shares = torch.where(majority, clipped / majority.sum(1, keepdim=True).clamp(min=1), 0.0)
        accepted = majority[:, 1:]
        models = updated(inbox, shares, accepted)
        if self.noise > 0:
            spread = torch.where(accepted.any(1, keepdim=True), self.noise * median, 0.0).to(models.dtype)
            models = models + spread * self._noise(inbox)
        return state, Mix(models, accepted)

    def _majority(self, inbox: Inbox, among: Tensor) -> Tensor:
        """Masks the pool's largest cluster [L, 1 + k]."""
        if self.cosines == "updates":
            products = update_products(inbox)
        else:
            zero, at = torch.zeros_like(inbox.models[:1]), torch.zeros_like(origins(inbox))
            products = products_around(inbox.models, inbox.pool, zero, at)
        distances = 1 - cosines(torch.where(among[:, :, None] & among[:, None, :], products, 0.0))
        table = on_host(torch.cat([distances, among[:, :, None].double()], dim=2))
        found = np.stack([largest_cluster(part[:, :-1], part[:, -1] == 1) for part in table])
        return torch.from_numpy(found).to(among.device)

    def _noise(self, inbox: Inbox) -> Tensor:
        """Draws standard normal numbers for each learner [L, d]."""
        nodes, d = inbox.nodes[: len(inbox.rows) // inbox.copies], inbox.own.shape[1]
        drawn = np.stack([inbox.stream(node).standard_normal(d, dtype=np.float32) for node in nodes])
        return torch.from_numpy(drawn).to(inbox.models.device).repeat(inbox.copies, 1)


def largest_cluster(distances: NDArray[Any], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Masks the cluster of more than half of some vectors [p], by HDBSCAN on their distances [p, p]; empty without one.

    - `among` [p]: mask of the vectors that count

    >>> points = np.array([0.0, 0.1, 0.2, 5.0])
    >>> largest_cluster(abs(points[:, None] - points), among=np.ones(4, dtype=bool))
    array([ True,  True,  True, False])
    """
    from sklearn.cluster import HDBSCAN

    found, size = np.zeros(len(among), dtype=bool), int(among.sum())
    if size < 2:
        return found
    table = distances[np.ix_(among, among)].copy()
    np.fill_diagonal(table, 0.0)
    rule = HDBSCAN(
        min_cluster_size=size // 2 + 1, min_samples=1, metric="precomputed", allow_single_cluster=True, copy=True
    )
    found[among] = rule.fit(table).labels_ == 0
    return found
