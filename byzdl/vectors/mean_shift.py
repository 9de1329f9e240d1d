"""Mean shift: clusters around the densest places."""

import torch
from torch import Tensor

from byzdl.vectors.waiting import possible

STEPS = 100  # the most steps to a densest place; a few points take less than ten
EDGE = 1 + 1e-9  # a point at the distance of the bandwidth is within it, whatever the last digit
LEAST = 1e-12  # a bandwidth that only equal points have


def bandwidths(points: Tensor, among: Tensor) -> Tensor:
    """Estimates the bandwidth of some points [L, p, c] in each row: [L].

    It is the mean, over the points, of the distance to the farthest of the nearest half, the point itself included.

    - `among` [L, p]: mask of the points that count

    >>> bandwidths(torch.tensor([[[0.0], [1.0], [3.0], [6.0]]]), among=torch.ones(1, 4, dtype=torch.bool))
    tensor([1.7500])
    """
    count = among.sum(1)
    half = (count // 2).clamp(min=1)
    distances = _distances(points, points).masked_fill(~among[:, None], torch.inf).sort(dim=2).values
    farthest = distances.gather(2, (half - 1)[:, None, None].expand(-1, points.shape[1], 1))[:, :, 0]
    return torch.where(among, farthest, 0.0).sum(1) / count.clamp(min=1)


def mean_shift(points: Tensor, among: Tensor, bandwidth: Tensor) -> Tensor:
    """Clusters some points [L, p, c] in each row. Returns the number of each point's cluster [L, p], -1 without one.

    From each point, a centre moves to the mean of the points within the bandwidth, until it hardly moves. Centres are
    taken by the number of points around them, the most first. A centre within the bandwidth of one before it is
    dropped. A point belongs to the nearest centre, if that is within the bandwidth. The earlier a centre, the lower its
    cluster's number.

    - `among` [L, p]: mask of the points that count
    - `bandwidth` [L]

    >>> points = torch.tensor([[[0.0], [1.0], [9.0], [2.0], [5.0]]])
    >>> clusters = mean_shift(points, torch.ones(1, 5, dtype=torch.bool), torch.tensor([2.5]))
    >>> (clusters == clusters[:, :1]).tolist()
    [[True, True, False, True, False]]

    **Source:** D. Comaniciu, P. Meer, *Mean shift: a robust approach toward feature space analysis* (IEEE TPAMI 2002),
    with the flat kernel and the steps of scikit-learn's MeanShift. That takes 30 times as long for a few points.
    """
    reach = (bandwidth.clamp(min=LEAST) * EDGE)[:, None, None]
    centres, moving = points, among
    for _ in range(STEPS):
        if not any(possible(moving.any(1))):
            break
        inside = ((_distances(centres, points) <= reach) & among[:, None]).to(points.dtype)
        means = inside @ torch.where(among[:, :, None], points, 0.0) / inside.sum(2, keepdim=True).clamp(min=1)
        moved = (means - centres).square().sum(2).sqrt()
        centres = torch.where(moving[:, :, None], means, centres)
        moving = moving & (moved > 1e-3 * reach[:, :, 0])
    around = ((_distances(centres, points) <= reach) & among[:, None]).sum(2)
    kept, rank = _apart(centres, around.masked_fill(~among, -1), reach)
    distances = _distances(points, centres).masked_fill(~kept[:, None], torch.inf)
    nearest = torch.cat([distances, torch.full_like(distances[:, :, :1], torch.inf)], dim=2).min(2)
    number = rank.gather(1, nearest.indices.clamp(max=rank.shape[1] - 1))
    return torch.where(among & (nearest.values <= reach[:, :, 0]), number, -1)


def _apart(centres: Tensor, around: Tensor, reach: Tensor) -> tuple[Tensor, Tensor]:
    """Ranks centres [L, p, c] by the number of points `around` [L, p], the most first.

    Returns a mask of those that are not within reach of an earlier one, and all ranks, each [L, p].
    """
    order = torch.arange(around.shape[1], device=around.device).expand_as(around)
    # Equal numbers are ordered by the coordinates, so that the order of the points plays no part.
    for key in (*centres.unbind(2)[::-1], around):
        order = order.gather(1, key.gather(1, order).argsort(dim=1, descending=True, stable=True))
    near = _distances(centres, centres) <= reach
    kept = around > 0
    for place in order.unbind(1):
        first = place[:, None]
        others = near.gather(1, first[:, :, None].expand(-1, 1, near.shape[2]))[:, 0].scatter(1, first, False)
        kept = kept & ~(others & kept.gather(1, first))
    return kept, order.argsort(dim=1)


def _distances(some: Tensor, others: Tensor) -> Tensor:
    """Computes the distances of points [L, p, c] to others [L, q, c]: [L, p, q]."""
    return (some[:, :, None] - others[:, None]).square().sum(3).sqrt()
