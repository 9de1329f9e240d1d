"""Spectral: the graph is driven apart where it is most weakly connected."""

from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from byzdl.attacks.messages import Messages
from byzdl.attacks.search import Search, squared_distances
from byzdl.attacks.view import AttackView
from byzdl.config.types import ConfigError, Positive, takes
from byzdl.topology import Network


class Spectral(Search):
    """Pushes victims apart where the benign graph is most weakly connected.

    Victim i receives x_i + c v_i sum_k v_k x_k, summed over the benign nodes k, of models x^{t+1/2}. v is the benign
    graph's Fiedler vector: the unit vector that fades the slowest under gossip, one side of the graph against the
    other. So each side is pushed farther in the direction in which it differs from the other.

    The sign of v does not matter. With one benign node, v is 0, and the message is the victim's own model. Where the
    benign graph is disconnected, v tells two sides apart that gossip cannot bring together anyway. A Byzantine victim
    receives its own model.

    >>> import torch
    >>> import byzdl
    >>> benign = torch.tensor([[0.0], [2.0]])  # v = (1, -1) / sqrt(2), so sum_k v_k x_k = -sqrt(2)
    >>> byzdl.attack(Spectral(factor=1.0), benign, byzantine=1).models[0].round(decimals=4)
    tensor([[-1.],
            [ 3.]])

    - `factor`: c, a number; or `searched`: for each victim, the rung of a ladder that takes it the farthest from the
      result of gossip among benign nodes alone, x_i + sum_{benign j} W_ij (x_j - x_i)

    The keys of the search, `weakest`, `strongest`, `trials` and `knowledge`, are those of `Search`.

    With `scope: neighbourhood`, the benign graph is the part that the attackers see: the victim, its benign neighbours
    and the edges among them.

    A directed graph has no such vector, and is refused.

    **Knows** all benign models and the graph; if searched, the mixing weights W and the defense in use with all that it
    goes by.

    **Source:** R. Gaucher, A. Dieuleveut, H. Hendrikx, *Unified breakdown analysis for Byzantine robust gossip* (ICML
    2025), Spectral Heterogeneity. Deviation: their public code's search (renaudgaucher/Byzantine-Robust-Gossip) expands
    and contracts a step, in 16 evaluations by default; here it is a ladder.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    factor: Annotated[Positive | Literal["searched"], takes("a number above 0, or searched")] = "searched"

    def check(self, network: Network) -> None:
        if network.directed:
            raise ConfigError.of(
                "attack", self.name, "another one on a directed graph: v is that of an undirected graph"
            )

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        v = torch.from_numpy(view.network.fiedler(view.nodes)).float().to(view.after.device)
        difference = v @ view.benign
        by_learner = v.new_zeros(len(view.after)).index_copy(0, view.benign_rows, v)

        def messages(c: Tensor | float) -> Messages:
            return Messages(torch.addcmul(view.after, (c * by_learner)[:, None], difference), view.victim_row)

        if not isinstance(self.factor, str):
            return state, messages(self.factor)
        gossip = view.after.index_copy(0, view.victim_row, view.after[view.victim_row] + view.pull())
        return state, messages(self.for_each(view, messages, lambda models: squared_distances(models, gossip)))
