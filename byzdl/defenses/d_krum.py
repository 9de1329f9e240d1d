"""D_Krum: the model that is nearest to the others."""

from typing import ClassVar, Literal

from byzdl.config.types import Share
from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import best
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import pairwise_squared


class DKrum(Tolerant):
    """Krum over the received models: select the one of least score.

    The score of j is the sum of its squared distances to the max(|N_i| - f - 2, 1) nearest other
    candidates (to as many as there are, if fewer came in). Of scores that agree in nine digits the left
    one's model is selected.

    - `alpha`: weight of the own model in the mix; 0 leaves the winner alone
    - `candidates`: the `received` models; or `all`: the own one, too, the leftmost, and |N_i| + 1 in the place
      of |N_i| throughout. Where it wins, the node keeps it
    - `distances`: as they are summed, `squared` or `plain`
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| > 2f + 2 in theory; where there are fewer, the rule is
    computed as written and promises nothing: at |N_i| < 2f + 2, two or more attackers who all send the
    same win. Where |N_i| - f - 2 is below 1, so that 1 stands in for it, run.json and the log say so.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), applied to models
    as the paper's baseline does. Public codes differ in who is a candidate, in whether distances are squared (Blanchard et al.
    do, nicehiro/GAA-Consensus does not), and in whether the winner is mixed with the own model.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    candidates: Literal["received", "all"] = "received"
    distances: Literal["squared", "plain"] = "squared"

    needs: ClassVar[int] = 3
    otherwise: ClassVar[str] = "there one nearest other is counted, and two neighbours who send the same model win"

    @property
    def least(self) -> int:
        return self.needs - (self.candidates == "all")

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        received = self.candidates == "received"
        rows, among = (inbox.rows, inbox.valid) if received else (inbox.pool, inbox.members)
        apart = pairwise_squared(inbox.models, rows)
        if self.distances == "plain":
            apart = apart.sqrt()
        count = (inbox.degree + (not received) - self.tolerated(inbox) - 2).clamp(min=1)
        winner = best(apart, among, count, 1)
        return state, inbox.mix(winner if received else winner[:, 1:], self.alpha)
