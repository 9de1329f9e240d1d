"""The most harmful models that victims still accept, by a rehearsal of their own defense."""

from typing import ClassVar, Literal

from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.search import Search
from byzdl.attacks.trigger import Trigger
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class LossAware(Search, Trigger):
    """Sends each victim the model that moves it the farthest in a harmful direction, found by trial.

    The model is mean + s p, with the mean of the benign models x^{t+1/2} and a harmful direction p. For each victim, s
    is the rung of a ladder that moves the victim's next model the farthest along p. All Byzantine neighbours of a
    victim send it the same model.

    A rejected model moves nobody. So against a defense with a threshold, each victim receives the most harmful model
    that still passes it. Against a defense with a fall-back, it receives the most harmful one that still wins it. The
    attack is made for defenses that go by the loss, and works against any.

    - `direction`: the harmful direction p. `away`: mean(x^t) - mean(x^{t+1/2}) of the benign models, their progress
      reversed; s = 1 takes back one round of it. `backdoor`: from the benign mean to the mean of the attackers' own
      models x^{t+1/2}, trained on triggered data; s = 1 reaches this mean. `backdoor` makes Byzantine nodes train and
      aggregate as benign ones do
    - `knowledge`: the data for losses. `batch` assumes that attackers know each victim's samples of the round, and its
      loss on them. No real attacker does, so this bounds the harm of any. `data` assumes the attackers' own samples
      alone. Then a victim may accept or reject a model against the forecast

    The keys of the trigger for `backdoor`, `target`, `size` and `share`, are those of `Trigger`. The other keys of the
    search, `weakest`, `strongest` and `trials`, are those of `Search`.

    **Knows** all benign models, after and before their local step, and the defense in use with all that it goes by: the
    victims' thresholds, whether they fall back, and their mini-batches or an estimate.

    **Source:** none; ours. The line search is in the spirit of V. Shejwalkar, A. Houmansadr, *Manipulating the
    Byzantine* (NDSS 2021), with the defense itself in place of a bound on distances.
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

    def poison(self, inputs: Tensor, targets: Tensor, classes: int | None) -> tuple[Tensor, Tensor]:
        if self.direction == "backdoor":
            return super().poison(inputs, targets, classes)
        return Attack.poison(self, inputs, targets, classes)

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        p = (view.previous.mean(0) if self.direction == "away" else view.own.mean(0)) - mean
        strengths = self.for_each(
            view,
            lambda s: Messages.same(mean + s * p, view),
            lambda models: (models - mean).double() @ p.double(),
        )
        return state, Messages(mean + strengths[:, None] * p, view.victim_row)
