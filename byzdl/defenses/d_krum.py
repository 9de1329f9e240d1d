"""D_Krum: Krum over the received models."""

from typing import ClassVar, Literal

from byzdl.config.types import Share
from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import best
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import pairwise_squared


class DKrum(Tolerant):
    """Mixes in the received model nearest to the other ones, by Krum's score.

    The score of candidate j is the sum of its squared distances to the max(|N_i| - f - 2, 1) nearest other candidates,
    or to all others if fewer came in. The least score wins. Scores that agree in nine digits tie, and ties go to
    the left.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[3.0], [4.0], [6.0], [90.0]])])
    >>> _, mix = DKrum(f=0, alpha=0.5).aggregate((), inbox)  # scores 1 + 9, 1 + 4, 4 + 9 and 84^2 + 86^2
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[False, True, False, False]], [[2.0]])

    - `alpha`: weight of the own model in the mix; 0 returns the winner alone
    - `candidates`: the `received` models; or `all`, which makes the own model the leftmost candidate. Then |N_i| + 1
      replaces |N_i| throughout, and if the own model wins, the node keeps it
    - `distances`: the summed distances, `squared` or `plain`
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| > 2f + 2 in theory. With fewer neighbours, the rule is computed as
    written and promises nothing: at |N_i| < 2f + 2, two or more attackers win if they all send the same model. Where
    |N_i| - f - 2 is below 1, it is replaced by 1; run.json and the log say so.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), applied to models as the
    paper's baseline does. Public implementations differ in three points: the candidates, squared distances (Blanchard
    et al. have them, nicehiro/GAA-Consensus does not), and whether the winner is mixed with the own model.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    candidates: Literal["received", "all"] = "received"
    distances: Literal["squared", "plain"] = "squared"

    needs: ClassVar[int] = 3
    otherwise: ClassVar[str] = "these nodes count one nearest other, and two neighbours with the same model win"

    @property
    def least(self) -> int:
        return self.needs - (self.candidates == "all")

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        received = self.candidates == "received"
        rows, among = (inbox.rows, inbox.valid) if received else (inbox.pool, inbox.members)
        pairwise = pairwise_squared(inbox.models, rows)
        if self.distances == "plain":
            pairwise = pairwise.sqrt()
        count = (inbox.degree + (not received) - self.tolerated(inbox) - 2).clamp(min=1)
        winner = best(pairwise, among, count, 1)
        return state, inbox.mix(winner if received else winner[:, 1:], self.alpha)
