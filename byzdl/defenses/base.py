"""The interface of a defense, and of a defense with a number of Byzantine neighbours to tolerate."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from byzdl.config.types import Component
from byzdl.exchange import Conditions, Inbox, Mix, Tolerance

OwnScores = Callable[[str, str], Tensor]
"""own_scores(data, metric) [L]: `error` or `loss` of each learner whose epoch ended, on `test` or `validation` data."""


class Defense(Component):
    """Mixes the received models into each learner's own: the base class of all defenses.

    A rule is a pure function of (state, inbox) to (state, mix). It works on all learners at once, in arrays [L, k] of
    learners by neighbours. A stateless rule is a single method, `aggregate`. The memory of a rule is its state: a
    (named) tuple of tensors, empty by default.

    >>> import torch
    >>> from byzdl.defenses import Defense, smallest
    >>> from byzdl.exchange import by_hand
    >>> class Nearest(Defense):
    ...     alpha: float = 0.5
    ...
    ...     def aggregate(self, state, inbox):
    ...         return state, inbox.mix(smallest(inbox.distances(), 1, among=inbox.valid), self.alpha)
    >>> inbox = by_hand(torch.zeros(1, 2), [torch.tensor([[3.0, 4.0], [0.0, 1.0]])])
    >>> state, mix = Nearest().aggregate((), inbox)
    >>> mix.models
    tensor([[0.0000, 0.5000]])

    Class attributes are promises. The contract suite checks them (`byzdl.testing.check_defense`):

    - `equivariant`: changes of all models that change the result alike: `translation` (x + c), `scale` (c x), with the
      losses as they were
    - `rejects_non_finite`: a received model with a NaN or an infinity is never mixed in
    - `reference`: a line for comparison, which states neither assumption nor source
    - `listens`: nodes receive messages. A rule that never mixes anything in may say that they do not
    - `knows_neighbours`: the state holds a value per neighbour [L, k], so a pre-step must not blend neighbours
    """

    knows_neighbours: ClassVar[bool] = False
    equivariant: ClassVar[tuple[str, ...]] = ()
    rejects_non_finite: ClassVar[bool] = True
    reference: ClassVar[bool] = False
    listens: ClassVar[bool] = True

    def check(self, conditions: Conditions) -> None:
        """Refuses conditions under which the rule cannot work.

        **Raises:** `ConfigError`, with the key to change.
        """

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        """Returns the rule's entry in run.json, beside its configuration. An entry `warning` is also logged."""
        return {}

    def init(self, learners: int, neighbours: int) -> Any:
        """Returns the state before the first round, of L learners with up to k neighbours.

        The first axis of its tensors is that of the learners. A column of an array [L, k] belongs to the same neighbour
        for the whole run.
        """
        return ()

    def begin(self, learners: int, neighbours: int, d: int) -> Any:
        """Returns the state of a run before the first round: that of `init`, unless a rule remembers models [d]."""
        return self.init(learners, neighbours)

    def aggregate(self, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
        """Returns the next state, and the mix with the models after the exchange, x^{t+1}.

        A row of the results depends on the same row of the state and the inbox alone. An attack that searches tries
        several sets of messages at once, in an inbox with a copy of the learners for each (`Inbox.copies`).
        """
        raise NotImplementedError

    def end_epoch(self, state: Any, ended: Tensor, own_scores: OwnScores) -> Any:
        """Returns the state after a round in which the epochs of some learners ended.

        - `ended` [L]: mask of these learners
        - `own_scores`: `own_scores("test", "error")` gives these learners' own test errors [L], NaN for the others
        """
        return state

    def report(self, state: Any) -> Mapping[str, Tensor]:
        """Returns named values of the state to log: [L] become columns of nodes.csv, [L, k] columns of edges.csv."""
        return {}


class Tolerant(Tolerance, Defense):
    """Tolerates f Byzantine neighbours: the base class of defenses with the key `f`, see `Tolerance`.

    >>> import torch
    >>> from byzdl.defenses import Tolerant, smallest
    >>> from byzdl.exchange import by_hand
    >>> class AllButFarthest(Tolerant):
    ...     def aggregate(self, state, inbox):
    ...         count = inbox.degree - self.tolerated(inbox)
    ...         return state, inbox.mix(smallest(inbox.distances(), count, among=inbox.valid), alpha=0.5)
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[1.0], [90.0], [3.0]])])
    >>> state, mix = AllButFarthest(f=1).aggregate((), inbox)
    >>> mix.selected, mix.models
    (tensor([[ True, False,  True]]), tensor([[1.]]))
    """

    group: ClassVar[str] = "defense"

    def check(self, conditions: Conditions) -> None:
        self.check_f(conditions)

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        return self.facts_of_f(conditions)
