"""Multi-Krum: the mean of the models with the best Krum scores."""

from typing import Annotated, ClassVar, Literal

from byzdl.config.types import Count, Share, takes
from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import best
from byzdl.exchange import Inbox, Mix


class MultiKrum(Tolerant):
    """Mixes in the mean of the m received models of best Krum score.

    The scores are D_Krum's: the own model is no candidate, and the max(|N_i| - f - 2, 1) nearest others count. The mean
    is mixed with the own model by alpha.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[8.0]]), [torch.tensor([[0.0], [0.0], [10.0], [11.0], [12.0]])])
    >>> _, mix = MultiKrum(f=1, m=3).aggregate((), inbox)  # scores 100, 100, 1 + 4, 1 + 1 and 1 + 4
    >>> mix.selected.tolist(), mix.models.round(decimals=4).tolist()
    ([[False, False, True, True, True]], [[9.5]])

    - `alpha`: weight of the own model in the mix
    - `m`: number of averaged models, an integer or `benign`: |N_i| - f, at least 1
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| > 2f + 2 in theory, as D_Krum does, and m of at most |N_i| - f. Where
    |N_i| - f - 2 is below 1, it is replaced by 1; run.json and the log say so. A non-finite model is no candidate, and
    f is not reduced for it. Where fewer than m came in, all are averaged.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), applied to models. In the
    theory, m is at most |N_i| - f - 2; most implementations have |N_i| - f.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    m: Annotated[Count | Literal["benign"], takes("an integer, at least 1, or benign")] = "benign"

    needs: ClassVar[int] = 3
    otherwise: ClassVar[str] = "these nodes count one nearest other, and neighbours with the same model come first"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        benign = inbox.degree - self.tolerated(inbox)
        most = self.m if isinstance(self.m, int) else benign.clamp(min=1)
        winners = best(inbox.pairwise_distances().square(), inbox.valid, (benign - 2).clamp(min=1), most)
        return state, inbox.mix(winners, self.alpha)
