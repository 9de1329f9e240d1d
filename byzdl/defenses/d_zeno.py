"""D_Zeno: the models of highest score, by loss and distance."""

from typing import ClassVar, Literal

from byzdl.config.types import Mixing, NonNegative
from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.selection import smallest


class DZeno(Tolerant):
    """Mixes in the mean of the |N_i| - f received models of least loss on the own mini-batch.

    Selects the |N_i| - f neighbours of highest score loss(own) - loss(j) - rho ||x_j - x_i||^2. By default rho is 0,
    and the loss alone decides.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[1.0], [2.0], [-9.0]])
    >>> inbox = by_hand(torch.tensor([[4.0]]), [received], loss=lambda node, model: model.square().item())
    >>> _, mix = DZeno(f=1, alpha=0.5).aggregate((), inbox)  # losses 1, 4 and 81
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, True, False]], [[2.75]])

    - `alpha`: weight of the own model in the mix; or `uniform`, the same weight as each selected model
    - `f`: Byzantine neighbours to tolerate, an integer or `known`
    - `rho`: weight of the squared distance; 0 leaves it out
    - `norm`: the squared distance is the `sum` over the d coordinates, or their `mean`

    **Assumes** f Byzantine neighbours. Models of non-finite loss are never selected, so fewer than |N_i| - f may be
    selected. None is selected where all neighbours are Byzantine and known to be; run.json and the log say so.

    **Source:** C. Xie, O. Koyejo, I. Gupta, *Zeno* (ICML 2019), applied to models as the paper's baseline does. Zeno
    has the norm term, summed over the coordinates. Decentralized implementations drop it or average it over d. They
    mix uniformly with the own model (nicehiro/byzantine-resilient) or by alpha.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Mixing = 0.5
    rho: NonNegative = 0.0
    norm: Literal["sum", "mean"] = "sum"

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "these nodes select nothing"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        _, cost = inbox.losses()
        finite = cost.isfinite()
        if self.rho > 0:
            over = inbox.models.shape[1] if self.norm == "mean" else 1
            cost = cost + self.rho * inbox.distances().square() / over
        # The own loss is the same in all scores of a node, so the highest score is the least cost.
        selected = smallest(cost, inbox.degree - self.tolerated(inbox), among=finite)
        return state, inbox.mix(selected, self.alpha)
