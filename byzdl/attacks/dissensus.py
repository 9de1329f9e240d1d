"""Dissensus: the nodes are driven apart."""

from typing import ClassVar

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class Dissensus(Attack):
    """Pushes each victim away from its benign neighbours, against the pull of gossip.

    Victim i receives x_i - eps sum_{benign j} W_ij (x_j - x_i) / sum_{Byzantine j} W_ij, of models x^{t+1/2}. Gossip
    pulls i towards its benign neighbours. Its Byzantine neighbours together push it away, eps times as hard. At
    eps = 1, a plain gossip step leaves i where it is: i is isolated (`isolation`).

    >>> import torch
    >>> import byzdl
    >>> benign = torch.tensor([[0.0], [4.0]])
    >>> byzdl.attack(Dissensus(), benign, byzantine=1).models[0]  # 0 - 1.5 * 4, and 4 + 1.5 * 4
    tensor([[-6.],
            [10.]])

    - `eps`: the strength of the push, relative to the pull

    **Knows** its victim's neighbourhood: the models of the victim and of its benign neighbours, and the mixing weights
    W (Metropolis).

    **Source:** L. He, S. P. Karimireddy, M. Jaggi, *Byzantine-robust decentralized learning via ClippedGossip* (2022,
    arXiv 2202.01545), eq. 6. `isolation`: Z. Wu, T. Chen, Q. Ling (IEEE TSP 2023, arXiv 2206.04568), in the weighted
    form of their public code.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    eps: Positive = 1.5

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        pull = view.pull()
        return state, Messages.by_message(view.after[view.victim_row] - self.eps * pull / view.infiltrated[:, None])
