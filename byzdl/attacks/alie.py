"""A Little Is Enough: a model within the benign spread, and so hard to detect."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Annotated, Any, ClassVar, Literal

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import ConfigError, Real, takes
from byzdl.topology import Network
from byzdl.vectors.moments import std_mean


class Alie(Attack):
    """Sends the benign mean minus z standard deviations, coordinate by coordinate (eq. 9-10).

    The message is mean - z sigma, over all benign models x^{t+1/2}.

    >>> import torch
    >>> import byzdl
    >>> benign = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    >>> byzdl.attack(Alie(z=1.5), benign, byzantine=1).models[0, 0]  # mean (2, 5), sigma (1, 0)
    tensor([0.5000, 5.0000])

    - `z`: a number, or a formula for it. A formula gives z = Phi^-1((n - B - s) / (n - B)), from n and B. `baruch`
      takes s = floor(n/2 + 1) - B, the supporters that a majority needs. `paper` takes Masuda and Shudo's literal
      s = ceil(n/2 + 1), which gives no value where n - B - s <= 0. Another formula in circulation, Phi^-1((n - s) / n),
      is no choice; its value can be given as a number
    - `sigma`: the standard deviation of the benign models: as a `population`, or as a `sample` of a larger one

    n and B are those of the whole network, whatever the `scope`. Where z <= 0 (few attackers), the message lies on the
    harmless side; run.json warns of it.

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
        return {"z": z} if z > 0 else {"z": z, "warning": f"z = {z:.2f} is not above 0, so this attack is harmless"}

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        if not view.byzantine:
            return state, Messages.by_attacker(view.benign[:0], view)
        z = self.strength(view.network.n, view.byzantine)
        correction = int(self.sigma == "sample" and len(view.benign) > 1)
        sigma, mean = std_mean(view.benign, correction)
        return state, Messages.same(mean - z * sigma, view)

    def strength(self, n: int, byzantine: int) -> float:
        """Returns z.

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
            instead = "a number or baruch" if self.z == "paper" else "a number, unless attack.br is lower"
            raise ConfigError.of(
                "attack.z",
                self.z,
                f"{instead}: the formula has no value at n={n}, B={byzantine}, where s = {formula} = {s}, "
                f"and z = Phi^-1((n - B - s) / (n - B)) = Phi^-1({benign - s}/{benign})",
            )
        return NormalDist().inv_cdf(share)
