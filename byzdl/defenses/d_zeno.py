"""D_Zeno: the models that lower the own loss the most."""

from typing import ClassVar, Literal

from byzdl.config.types import Mixing, NonNegative
from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.selection import smallest


class DZeno(Tolerant):
    """Select the |N_i| - f neighbours of highest score loss(own) - loss(j) - rho ||x_j - x_i||^2.

    - `alpha`: weight of the own model in the mix; or `uniform`: it weighs as much as each selected one
    - `f`: Byzantine neighbours to tolerate, an integer or `known`
    - `rho`: weight of the squared distance; 0 leaves it out
    - `norm`: of the squared distance, the `sum` over the d coordinates or their `mean`

    **Assumes** f Byzantine neighbours. Models of non-finite loss are never selected, so fewer
    than |N_i| - f may be; none where all neighbours are Byzantine and known to be, which run.json and
    the log say.

    **Source:** C. Xie, O. Koyejo, I. Gupta, *Zeno* (ICML 2019), applied to models as the paper's baseline does. There the norm
    term is in and summed; decentralized codes drop it or average it over d, and average uniformly with the own model
    (nicehiro/byzantine-resilient) or by alpha.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Mixing = 0.5
    rho: NonNegative = 0.0
    norm: Literal["sum", "mean"] = "sum"

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "there nothing is selected"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        _, cost = inbox.losses()
        finite = cost.isfinite()
        if self.rho > 0:
            over = inbox.models.shape[1] if self.norm == "mean" else 1
            cost = cost + self.rho * inbox.distances().square() / over
        # The own loss is the same in every score of a node: highest score is least cost.
        best = smallest(cost, inbox.degree - self.tolerated(inbox), among=finite)
        return state, inbox.mix(best, self.alpha)
