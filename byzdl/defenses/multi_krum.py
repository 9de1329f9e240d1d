"""Multi-Krum: the mean of the models that are nearest to the others."""

from typing import Annotated, ClassVar, Literal

from byzdl.config.types import Count, Share, takes
from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import best
from byzdl.exchange import Inbox, Mix


class MultiKrum(Tolerant):
    """The mean of the m received models of best Krum score, mixed with the own one by alpha.

    The scores are D_Krum's: the own model is no candidate, and max(|N_i| - f - 2, 1) nearest others count.

    - `alpha`: weight of the own model in the mix
    - `m`: how many are averaged, an integer or `benign`: |N_i| - f, at least 1
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| > 2f + 2 in theory, as D_Krum does, and m of at most |N_i| - f;
    where |N_i| - f - 2 is below 1, so that 1 stands in for it, run.json and the log say so. A model that is
    not finite is no candidate; f stays what it is. Where fewer than m came in, all are averaged.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), applied to models. There
    m is at most |N_i| - f - 2 in the theory; |N_i| - f is what most code has.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    m: Annotated[Count | Literal["benign"], takes("an integer, at least 1, or benign")] = "benign"

    needs: ClassVar[int] = 3
    otherwise: ClassVar[str] = "there one nearest other is counted, and neighbours who send the same model come first"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        benign = inbox.degree - self.tolerated(inbox)
        most = self.m if isinstance(self.m, int) else benign.clamp(min=1)
        winners = best(inbox.pairwise_distances().square(), inbox.valid, (benign - 2).clamp(min=1), most)
        return state, inbox.mix(winners, self.alpha)
