"""A Little Is Enough, as strong as the defense in use lets it be."""

from typing import ClassVar

import torch

from byzdl.attacks.base import AttackView, Messages
from byzdl.attacks.search import Search, squared_distances


class OptAlie(Search):
    """mean - z sigma as in `Alie`, with the z of a ladder that drives the benign victims farthest from the benign mean.

    The z of a round is one for all: that of the largest total over the benign victims i of ||x_i^{t+1} - mean||^2, with
    x_i^{t+1} what the defense in use would make of it and the mean that of the benign models x^{t+1/2}. sigma is the population's.

    - `weakest`, `strongest`, `trials`, `knowledge`: of the search, see `Search`

    **Knows** all benign models, and the defense in use with all that it goes by.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), optimised strengths; ByzFL's
    Opt-ALIE. Deviations: ByzFL's server has one aggregate, here there is one at each victim, and their squared distances
    are added up; it goes up, mean + tau sigma, with the sample's sigma, here it is down, with the population's; it expands and
    contracts a step of 10 in 20 evaluations from 0 on, where a ladder needs no answer before the next question, and no single
    peak.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        sigma, mean = torch.std_mean(view.benign, dim=0, correction=0)
        z = self.for_all(
            view,
            lambda z: Messages.same(mean - z * sigma, view),
            lambda models: squared_distances(models, mean),
        )
        return state, Messages.same(mean - z * sigma, view)
