"""What a defense is."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from byzdl.config.types import Component
from byzdl.exchange import Conditions, Inbox, Mix, Tolerance

OwnScores = Callable[[str, str], Tensor]
"""own_scores(data, metric): `error` or `loss` of every learner whose epoch ended, on `test` or `validation` data [L]."""


class Defense(Component):
    """A rule by which every learner mixes the models that it received into its own.

    A rule is a pure function of (state, inbox) to (state, mix); it works on all
    learners at once, [L, k] learners by neighbours. A stateless one is a single method.
    Whatever it must remember is its state: a (named) tuple of tensors, empty by default.

    Class attributes are promises, which the contract suite checks (`byzdl.testing.check_defense`):

    - `equivariant`: changes of all models that change the result alike: `translation` (x + c), `scale` (c x), with the
      losses as they were
    - `rejects_non_finite`: a received model that holds NaN or infinity is never mixed in
    - `reference`: a line to compare with, which needs to state no assumption and no source
    - `knows_neighbours`: whether that holds something of each neighbour [L, k], who then must not be blended with others
    """

    knows_neighbours: ClassVar[bool] = False
    equivariant: ClassVar[tuple[str, ...]] = ()
    rejects_non_finite: ClassVar[bool] = True
    reference: ClassVar[bool] = False

    def check(self, conditions: Conditions) -> None:
        """Refuse, with a `ConfigError`, conditions under which the rule cannot work."""

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        """The rule's entry in run.json, beside its configuration. An entry `warning` is logged, too."""
        return {}

    def init(self, learners: int, neighbours: int) -> Any:
        """The state before the first round, of L learners with up to k neighbours.

        What is held [L, k] stays with its neighbour: a column is one node's for the whole run.
        """
        return ()

    def aggregate(self, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
        """The models after the exchange, x^{t+1}."""
        raise NotImplementedError

    def end_epoch(self, state: Any, ended: Tensor, own_scores: OwnScores) -> Any:
        """Called after a round in which some learners' epochs ended.

        - `ended` [L]: whose
        - `own_scores`: `own_scores("test", "error")` gives these learners' own test errors [L], NaN for the others
        """
        return state

    def report(self, state: Any) -> Mapping[str, Tensor]:
        """Named values of the state to log: [L] become columns of nodes.csv, [L, k] columns of edges.csv."""
        return {}


class Tolerant(Tolerance, Defense):
    """A rule that is told how many Byzantine neighbours to tolerate, see `Tolerance`."""

    group: ClassVar[str] = "defense"

    def check(self, conditions: Conditions) -> None:
        self.check_f(conditions)

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        return self.facts_of_f(conditions)
