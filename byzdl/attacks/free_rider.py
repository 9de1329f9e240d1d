"""A fault: nodes that pass on what they received, and learn nothing."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import NonNegative


class FreeRiderState(NamedTuple):
    """What the free riders received last.

    - `models` [L, d]: the learners' models
    - `heard`: of each free rider, the nodes whose models it received; empty before the first round
    """

    models: Tensor
    heard: tuple[tuple[int, ...], ...]


class FreeRider(Attack):
    """Sends the mean of the models that the node received last, as if it had trained on it.

    It received x^{t-1/2} from its benign neighbours. In the first round of the attack, their models x^t stand in. A node
    without a benign neighbour sends the mean of all. Each free rider sends the same model to all its neighbours.

    >>> import torch
    >>> import byzdl
    >>> first = byzdl.attack(FreeRider(), torch.tensor([[2.0], [4.0]]), byzantine=1, previous=torch.zeros(2, 1))
    >>> second = byzdl.attack(FreeRider(), torch.tensor([[8.0], [9.0]]), byzantine=1, state=first.state)
    >>> first.models[0, 0], second.models[0, 0]
    (tensor([0.]), tensor([3.]))

    - `std`: the standard deviation of Gaussian noise on each coordinate, to pass for an update; 0 for no noise. Each free
      rider draws its own, new in every round

    Free riders miss no message, and pass on nothing from each other. Only rounds in which the attack acts count.

    **Knows** the benign models that it receives.

    **Source:** Y. Fraboni, R. Vidal, M. Lorenzi, *Free-rider attacks on model aggregation in federated learning* (AISTATS
    2021), plain and disguised. Deviations: they return a server's model; here it is the mean of what neighbours sent.
    Their noise has the scale of an update and fades; here its scale is a key.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation",)

    std: NonNegative = 0.0

    def init(self, learners: int, d: int) -> FreeRiderState:
        return FreeRiderState(torch.zeros(learners, d), ())

    def send(self, state: FreeRiderState, view: AttackView) -> tuple[FreeRiderState, Messages]:
        around = [view.network.neighbours[i] for i in view.network.byzantine]
        heard = tuple(tuple(j for j in some if j in view.nodes) or view.nodes for some in around)
        models, senders = (state.models, state.heard) if state.heard else (view.before, heard)
        means = [_mean(models, view.roster.learners, nodes) for nodes in senders]
        sent = torch.stack(means) if means else models[:0]
        if self.std:
            noise = torch.from_numpy(view.stream().standard_normal(sent.shape, dtype="float32"))
            sent = sent + self.std * noise.to(sent.device)
        return FreeRiderState(view.after, heard), Messages.by_attacker(sent, view)


def _mean(models: Tensor, learners: Tensor, nodes: tuple[int, ...]) -> Tensor:
    """Returns the mean [d] of the models [L, d] of some nodes; `learners` [L] holds the node numbers of the rows."""
    among = (learners[:, None] == torch.tensor(nodes, device=learners.device)).any(1)
    return models.masked_fill(~among[:, None], 0.0).sum(0) / len(nodes)
