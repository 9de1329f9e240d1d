"""The interface of an attack."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor

from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Component, Count, Natural, ProperShare
from byzdl.samples import Sample
from byzdl.topology import Network


class Attack(Component):
    """Chooses what Byzantine nodes send, or what they learn from: the base class of all attacks.

    An attack is a pure function of (state, view) to (state, messages). An attack without memory is a single method,
    `send`. The memory of an attack is its state: a (named) tuple of tensors and numbers, empty by default.

    >>> import torch
    >>> import byzdl
    >>> from byzdl.attacks import Attack, Messages
    >>> class Opposite(Attack):
    ...     def send(self, state, view):
    ...         return state, Messages.same(-view.benign.mean(0), view)
    >>> benign = torch.tensor([[1.0, 0.0], [3.0, 2.0]])
    >>> byzdl.attack(Opposite(), benign, byzantine=1).models  # attacker 0 to each benign node
    tensor([[[-2., -1.],
             [-2., -1.]]])

    - `br`: the Byzantine rate B_r, the share of the n nodes that is Byzantine. B_r n is rounded half up to B nodes: 0.1 of
      4 nodes is nobody, and 0.1 of 5 is one. run.json lists these nodes, and warns of an attack without any
    - `start`: the first round of the attack; rounds count from 0
    - `every`: the number of rounds from one attack to the next: it acts in rounds start + m every, for m = 0, 1, 2, ...
      In all other rounds Byzantine nodes behave as benign ones, so they train and aggregate throughout
    - `scope`: the benign nodes that attackers see. `all`, or `neighbourhood`: for each message, only the victim and its
      neighbours of the round. `send` is then called once per victim, with a view and a state for this victim alone. A
      Byzantine victim without a benign neighbour receives the sender's own x^{t+1/2}

    Class attributes are promises. The contract suite checks `equivariant` (`byzdl.testing.check_attack`):

    - `equivariant`: changes of all models that change the messages alike: `translation` (x + c), `scale` (c x)
    - `follows_protocol`: Byzantine nodes train and aggregate as benign ones do, even if the attack acts in every round
    - `sends`: whether Byzantine nodes send anything in the rounds in which the attack acts. If not, their messages are as
      lost ones: receivers have no such neighbour in that round
    """

    br: ProperShare = 0.3
    start: Natural = 0
    every: Count = 1
    scope: Literal["all", "neighbourhood"] = "all"

    follows_protocol: ClassVar[bool] = False
    sends: ClassVar[bool] = True
    equivariant: ClassVar[tuple[str, ...]] = ()

    @property
    def triggers(self) -> bool:
        """Whether the attack has a trigger, so that its success on test images is logged, see `triggered`."""
        return False

    @property
    def trains(self) -> bool:
        """Whether Byzantine nodes have models of their own."""
        return self.follows_protocol or self.start > 0 or self.every > 1

    def acts(self, round: int) -> bool:
        """Tells whether the attack acts in a round; rounds count from 0."""
        return round >= self.start and (round - self.start) % self.every == 0

    def silent(self, round: int) -> bool:
        """Tells whether Byzantine nodes send nothing in a round."""
        return not self.sends and self.acts(round)

    def check(self, network: Network) -> None:
        """Refuses a network on which the attack is not defined. A run with several graphs passes its first one.

        **Raises:** `ConfigError`, with the key to change.
        """

    def check_data(self, sample: Sample, classes: int | None) -> None:
        """Refuses data on which the attack is not defined.

        - `sample`: the form of a sample
        - `classes`: their number, or None for a regression

        **Raises:** `ConfigError`, with the key to change.
        """

    def facts(self, network: Network) -> Mapping[str, Any]:
        """Returns the attack's entry in run.json, beside its configuration. An entry `warning` is also logged.

        - `network`: the run's graph, the first of several
        """
        return {}

    def init(self, learners: int, d: int) -> Any:
        """Returns the state before the first round, of L learners with models of d parameters."""
        return ()

    def send(self, state: Any, view: AttackView) -> tuple[Any, Messages]:
        """Returns the next state, and the Byzantine nodes' messages of a round."""
        raise NotImplementedError

    def report(self, state: Any) -> Mapping[str, Tensor]:
        """Returns named values of the state to log: [L] become columns of nodes.csv, [L, k] columns of edges.csv."""
        return {}

    def poison(self, inputs: Tensor, targets: Tensor, classes: int | None) -> tuple[Tensor, Tensor]:
        """Returns the mini-batch that a Byzantine node trains on, made from its honest one.

        - `inputs` [b, ...], `targets` [b]: the honest mini-batch
        - `classes`: C, the number of classes, or None for a regression, whose targets are standardised
        """
        return inputs, targets

    def poison_of(
        self, attacker: int, attackers: int, inputs: Tensor, targets: Tensor, classes: int | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the mini-batch that one of the Byzantine nodes trains on: that of `poison`, unless they differ.

        - `attacker`, `attackers`: its index among the B Byzantine nodes, and B
        - `inputs`, `targets`, `classes`: see `poison`
        """
        return self.poison(inputs, targets, classes)

    def triggered(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, int]:
        """Returns test images with the trigger, a mask of the images that count [b], and the attack's target class."""
        raise NotImplementedError

    def begin(self, learners: int, d: int) -> Any:
        """Returns the state for `act` before the first round: with `scope: neighbourhood`, one state per learner."""
        return self.init(learners, d) if self.scope == "all" else tuple(self.init(learners, d) for _ in range(learners))

    def act(self, state: Any, view: AttackView) -> tuple[Any, Messages]:
        """Returns the next state, and all messages of a round in which the attack acts.

        - `view`: the view of everything; with `scope: neighbourhood`, `send` gets a part of it for each victim
        """
        if self.scope == "all":
            return self.send(state, view)
        states, parts = list(state), []
        for neighbourhood in view.roster.neighbourhoods:
            near = view.near(neighbourhood)
            if neighbourhood.nodes:
                states[neighbourhood.row], messages = self.send(states[neighbourhood.row], near)
            else:
                messages = Messages.by_attacker(near.own, near)
            parts.append(messages)
        return tuple(states), Messages.joined(parts) if parts else Messages.by_attacker(view.own[:0], view)

    def logged(self, state: Any) -> Mapping[str, Tensor]:
        """Returns the values to log: those of `report`, or none with `scope: neighbourhood`.

        There, each victim has a state of its own.
        """
        return self.report(state) if self.scope == "all" else {}
