"""Drive the graph apart where it holds together the least."""

from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from byzdl.attacks.base import AttackView, Messages
from byzdl.attacks.search import Search, squared_distances
from byzdl.config.types import Positive, takes


class Spectral(Search):
    """Per victim i: x_i + c v_i sum_k v_k x_k over the benign nodes k, of models x^{t+1/2}; v is the benign graph's Fiedler vector.

    v is the unit vector that is the slowest to fade under gossip, one side of the graph against the other: what the sides
    differ in, each is pushed farther into. Its sign does not matter. With one benign node v is 0, and the message the victim's
    own model; where the benign graph falls into parts, v tells two sides apart that gossip cannot bring together anyway.
    A Byzantine victim gets its own model.

    - `factor`: c; or `searched`: for each victim the rung of a ladder that takes it farthest from where gossip among benign
      nodes alone would, x_i + sum_{benign j} W_ij (x_j - x_i)
    - `weakest`, `strongest`, `trials`, `knowledge`: of the search, see `Search`

    With `scope: neighbourhood` the benign graph is what the attackers see of it: the victim, its benign neighbours and the edges
    among them.

    **Knows** all benign models and the graph; if searched, the mixing weights W and the defense in use with all that it goes by.

    **Source:** R. Gaucher, A. Dieuleveut, H. Hendrikx, *Unified breakdown analysis for Byzantine robust gossip* (ICML 2025),
    Spectral Heterogeneity. Deviation: their public code's search (renaudgaucher/Byzantine-Robust-Gossip)
    expands and contracts a step, in 16 evaluations by default; here it is a ladder.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    factor: Annotated[Positive | Literal["searched"], takes("a number above 0, or searched")] = "searched"

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        v = torch.from_numpy(view.network.fiedler(view.nodes)).to(view.after)
        split = v @ view.benign
        share = v.new_zeros(len(view.after)).index_copy(0, view.benign_rows, v)

        def messages(c: Tensor | float) -> Messages:
            return Messages(torch.addcmul(view.after, (c * share)[:, None], split), view.victim_row)

        if not isinstance(self.factor, str):
            return state, messages(self.factor)
        gossip = view.after.index_copy(0, view.victim_row, view.after[view.victim_row] + view.pull())
        return state, messages(self.for_each(view, messages, lambda models: squared_distances(models, gossip)))
