"""A Little Is Enough: within the benign spread, and so hard to see."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Annotated, Any, ClassVar, Literal

import torch

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.config.types import ConfigError, Real, takes
from byzdl.topology import Network


class Alie(Attack):
    """mean - z sigma, coordinate-wise over all benign models x^{t+1/2}, eq. 9-10.

    - `z`: a number, or how to derive it from n and B as Phi^-1((n - B - s) / (n - B)):
      `baruch` takes s = floor(n/2 + 1) - B, the supporters that a majority needs;
      `paper` takes Masuda and Shudo's literal s = ceil(n/2 + 1), which has no value where n - B - s <= 0.
      Another formula that circulates, Phi^-1((n - s) / n), is no choice; what it gives can be told as a number
    - `sigma`: the standard deviation of the benign models as a `population`, or of a population that they are a `sample` of

    n and B are the whole network's, whatever the `scope`. Where z <= 0 (few attackers) the message lies on the harmless
    side; run.json warns of it.

    **Knows** all benign models.

    **Source:** G. Baruch, M. Baruch, Y. Goldberg, *A little is enough* (NeurIPS 2019).
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    z: Annotated[Real | Literal["baruch", "paper"], takes("a finite number, baruch or paper")] = "baruch"
    sigma: Literal["population", "sample"] = "population"

    def check(self, network: Network) -> None:
        if network.byzantine:
            self.strength(network.n, len(network.byzantine))

    def facts(self, network: Network) -> Mapping[str, Any]:
        if not network.byzantine:
            return {}
        z = self.strength(network.n, len(network.byzantine))
        return {"z": z} if z > 0 else {"z": z, "warning": f"z = {z:.2f} is not above 0: this attack is harmless"}

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        if not view.byzantine:
            return state, Messages.by_attacker(view.benign[:0], view)  # nobody sends anything
        z = self.strength(view.network.n, view.byzantine)
        less = int(self.sigma == "sample" and len(view.benign) > 1)
        sigma, mean = torch.std_mean(view.benign, dim=0, correction=less)
        return state, Messages.same(mean - z * sigma, view)

    def strength(self, n: int, byzantine: int) -> float:
        """z.

        **Raises:** `ConfigError` where the formula has no value.
        """
        if not isinstance(self.z, str):
            return self.z
        formula, s = {
            "baruch": ("floor(n/2 + 1) - B", math.floor(n / 2 + 1) - byzantine),
            "paper": ("ceil(n/2 + 1)", math.ceil(n / 2 + 1)),
        }[self.z]
        benign = n - byzantine
        share = (benign - s) / benign
        if not 0 < share < 1:
            raise ConfigError(
                f"attack.z: got {self.z!r}, which has no value at n={n}, B={byzantine}: with s = {formula} = {s} "
                f"it is Phi^-1((n-B-s)/(n-B)) = Phi^-1({benign - s}/{benign}); "
                f"takes a number, or {'baruch' if self.z == 'paper' else 'a lower attack.br'}"
            )
        return NormalDist().inv_cdf(share)
