"""As harmful as the victim's own loss lets a model be."""

from typing import ClassVar, Literal

from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.attacks.search import Search
from byzdl.attacks.trigger import Trigger
from byzdl.config.types import Positive


class LossAware(Search, Trigger):
    """Per victim the model mean + s p, of a ladder of s, that moves the victim's next model the farthest along a harmful direction p.

    What is not let in moves nobody. So against a defense with a threshold each victim gets the most harmful model that still
    passes it, and against one with a fall-back the most harmful that still wins it; made for defenses that go by the loss, it
    works against any. All Byzantine neighbours of a victim send it the same.

    - `direction`: p. `away`: mean(x^t) - mean(x^{t+1/2}) of the benign models, their progress reversed; s = 1 takes back
      one round of it. `backdoor`: from the benign mean to the mean of the attackers' own models x^{t+1/2}, which were
      trained on triggered data, and at which s = 1 is; only then do Byzantine nodes train and aggregate as benign ones do
    - `target`, `size`, `share`: the trigger of `backdoor`, see `Trigger`
    - `weakest`, `strongest`, `trials`: of the search, see `Search`
    - `knowledge`: `batch` assumes to know which samples each victim has drawn for the round, and its loss on them, which no
      real attacker does: a bound on what any can do. `data` assumes the attackers' own samples alone: a model may then be let
      in that was not thought to be, and the other way round

    **Knows** all benign models, after and before their local step, and the defense in use with all that it goes by: the
    victims' thresholds, whether they fall back, and their mini-batches or an estimate.

    **Source:** none; ours. The line search is in the spirit of V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine*
    (NDSS 2021), with the defense itself in place of a bound on distances.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    direction: Literal["away", "backdoor"] = "away"
    strongest: Positive = 1000.0

    @property
    def triggers(self) -> bool:
        return self.direction == "backdoor"

    @property
    def trains(self) -> bool:
        return self.direction == "backdoor" or super().trains

    def poison(self, images: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        if self.direction == "backdoor":
            return super().poison(images, labels, classes)
        return Attack.poison(self, images, labels, classes)

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        p = (view.previous.mean(0) if self.direction == "away" else view.own.mean(0)) - mean
        strengths = self.for_each(
            view,
            lambda s: Messages.same(mean + s * p, view),
            lambda models: (models - mean).double() @ p.double(),
        )
        return state, Messages(mean + strengths[:, None] * p, view.victim_row)
