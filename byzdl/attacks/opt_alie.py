"""A Little Is Enough, at the strength that does the most harm under the defense in use."""

from typing import ClassVar

from byzdl.attacks.messages import Messages
from byzdl.attacks.search import Search, squared_distances
from byzdl.attacks.view import AttackView
from byzdl.vectors.moments import std_mean


class OptAlie(Search):
    """Sends the model of `Alie`, with the z that does the most harm under the defense in use.

    The message is mean - z sigma, over the benign models x^{t+1/2}, with the population's sigma. z is a rung of a
    ladder, and in each round one for all victims. On the ladder, it has the largest total of ||x_i^{t+1} - mean||^2
    over the benign victims i. x_i^{t+1} is the next model of victim i under the defense in use.

    The keys of the search, `weakest`, `strongest`, `trials` and `knowledge`, are those of `Search`.

    **Knows** all benign models, and the defense in use with all that it goes by.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), optimised strengths; ByzFL's
    Opt-ALIE. Deviations: ByzFL's server has one aggregate. Here each victim has one, and their squared distances are
    added up. ByzFL goes up, mean + tau sigma, with the sample's sigma; here it is down, with the population's. ByzFL
    expands and contracts a step of 10, in 20 evaluations from 0 on. A ladder needs no answer before the next question,
    and no single peak.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        sigma, mean = std_mean(view.benign)
        z = self.for_all(
            view,
            lambda z: Messages.same(mean - z * sigma, view),
            lambda models: squared_distances(models, mean),
        )
        return state, Messages.same(mean - z * sigma, view)
