"""Inner product manipulation, as strong as the defense in use lets it be."""

from typing import ClassVar

from byzdl.attacks.base import AttackView, Messages
from byzdl.attacks.search import Search, squared_distances


class OptIpm(Search):
    """The benign progress reversed as in `Ipm`, with the epsilon of a ladder that drives the benign victims farthest from the benign mean.

    Sent is mean(x^t) - epsilon mean(x^{t+1/2} - x^t). The epsilon of a round is one for all: that of the largest total over
    the benign victims i of ||x_i^{t+1} - mean(x^{t+1/2})||^2, with x_i^{t+1} what the defense in use would make of it.

    - `weakest`, `strongest`, `trials`, `knowledge`: of the search, see `Search`

    **Knows** all benign models, after and before their local step, and the defense in use with all that it goes by.

    **Source:** ByzFL's Opt-IPM, on gradients; carried over to models as `Ipm` is. Deviations of the search: those of `OptAlie`.
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
