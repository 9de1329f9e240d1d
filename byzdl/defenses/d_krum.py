"""D_Krum: the received model that is nearest to the others."""

from typing import ClassVar

from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import best
from byzdl.exchange import Inbox, Mix
from byzdl.schema import Share


class DKrum(Tolerant):
    """Krum over the received models: select the one of least score.

    The score of j is the sum of its squared distances to the max(|N_i| - f - 2, 1) nearest other
    candidates (to as many as there are, if fewer came in). The own model is not a candidate. Of scores
    that agree in nine digits the left one's model is selected.

    - `alpha`: weight of the own model in the mix
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| > 2f + 2 in theory; where there are fewer, the rule is
    computed as written and promises nothing: at |N_i| < 2f + 2, two or more attackers who all send the
    same win. Where |N_i| - f - 2 is below 1, so that 1 stands in for it, run.json and the log say so.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), applied to models
    as the paper's baseline does.
    """

    alpha: Share = 0.5

    needs: ClassVar[int] = 3
    otherwise: ClassVar[str] = "there one nearest other is counted, and two neighbours who send the same model win"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        count = (inbox.degree - self.tolerated(inbox) - 2).clamp(min=1)
        winner = best(inbox.pairwise_distances().square(), inbox.valid, count, 1)
        return state, inbox.mix(winner, self.alpha)
