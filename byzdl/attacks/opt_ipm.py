"""Inner product manipulation, at the strength that does the most harm under the defense in use."""

from typing import ClassVar

from byzdl.attacks.messages import Messages
from byzdl.attacks.search import Search, squared_distances
from byzdl.attacks.view import AttackView


class OptIpm(Search):
    """Sends the model of `Ipm`, with the epsilon that does the most harm under the defense in use.

    The message is mean(x^t) - epsilon mean(x^{t+1/2} - x^t) of the benign models. epsilon is a rung of a ladder, and in
    each round one for all victims. On the ladder, it has the largest total of ||x_i^{t+1} - mean(x^{t+1/2})||^2 over
    the benign victims i. x_i^{t+1} is the next model of victim i under the defense in use.

    The keys of the search, `weakest`, `strongest`, `trials` and `knowledge`, are those of `Search`.

    **Knows** all benign models, after and before their local step, and the defense in use with all that it goes by.

    **Source:** ByzFL's Opt-IPM, on gradients; carried over to models as `Ipm` is. Deviations of the search: those of
    `OptAlie`.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        before, mean = view.previous.mean(0), view.benign.mean(0)
        epsilon = self.for_all(
            view,
            lambda epsilon: Messages.same(before - epsilon * (mean - before), view),
            lambda models: squared_distances(models, mean),
        )
        return state, Messages.same(before - epsilon * (mean - before), view)
