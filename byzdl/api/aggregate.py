"""`byzdl.aggregate`: one rule, one node, a few models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from byzdl.api.arrays import Array, like, matrix, vector
from byzdl.api.components import chosen
from byzdl.config.types import ConfigError
from byzdl.defenses import Defense
from byzdl.exchange import Tolerance, by_hand
from byzdl.simulation.answers import aggregated

OfModel = Callable[[Any], float]


@dataclass(frozen=True)
class Aggregate:
    """What a rule makes of the received models.

    - `model` [d]: the node's next model
    - `accepted` [k]: which received models were accepted; None where a rule cannot say
    - `weights` [k]: their weights in the mix; None where a rule cannot say
    - `state`: what the rule remembers, for the next call
    """

    model: Any
    accepted: Any
    weights: Any
    state: Any


def aggregate(
    rule: str | Defense,
    own: Array,
    received: Array,
    *,
    loss: OfModel | None = None,
    accuracy: OfModel | None = None,
    byzantine: Sequence[bool] | None = None,
    weights: Sequence[float] | None = None,
    before: Array | None = None,
    state: Any = None,
    round: int = 0,
    rounds: int = 1,
    seed: int = 0,
    classes: int | None = 2,
    **keys: Any,
) -> Aggregate:
    """Mixes the models that one node received into its own, by a rule's name or an instance of a class of one's own.

    - `own` [d], `received` [k, d]: torch or numpy, and the answer is of the same kind
    - `loss`, `accuracy`: of a model [d] on the node's mini-batch, for rules that go by them
    - `byzantine` [k]: the truth about the received models, for `oracle` and `f="known"`
    - `weights` [k]: the neighbours' mixing weights W_ij; 1 / (1 + k) each by default
    - `before` [d]: the node's own model before its local step, for rules that go by updates; 0 by default, so that they
      take models for updates
    - `state`: the state that an earlier call returned, for rules that remember
    - `round`, `rounds`, `seed`, `classes`: of the run, for rules that depend on them
    - `keys`: the rule's own, such as `f=1` or `theta=0.0`

    **Raises:** `ConfigError` for a wrong name, key or shape; `RuleError` for a mistake in a class of one's own.

    >>> import torch
    >>> own, received = torch.zeros(2), torch.tensor([[1.0, 1.0], [2.0, 2.0], [99.0, -99.0]])
    >>> aggregate("trimmed_mean", own, received, f=1).model
    tensor([1.5000, 0.5000])
    >>> aggregate("d_krum", own, received, f=1, alpha=0.0).accepted
    tensor([ True, False, False])
    >>> near_one = aggregate("loss_threshold", own, received, loss=lambda x: float((x - 1).norm()), theta=0.0)
    >>> near_one.accepted, near_one.model
    (tensor([ True,  True, False]), tensor([0.7500, 0.7500]))
    """
    defense: Defense = chosen("defense", rule, keys)
    mine = vector("own", own)
    theirs = matrix("received", received, mine)
    if isinstance(defense, Tolerance) and defense.f == "known" and byzantine is None:
        takes = "an integer, or known beside byzantine=[...], the truth about the received models"
        raise ConfigError.of("f", None, takes)
    for name, value in (("byzantine", byzantine), ("weights", weights)):
        if value is not None and len(value) != len(theirs):
            raise ConfigError.of(name, f"{len(value)} values", f"one for each of the {len(theirs)} received models")

    def of_model(name: str, function: OfModel | None) -> Callable[[int, Tensor], float]:
        def value(_: int, model: Tensor) -> float:
            if function is None:
                raise ConfigError.of(name, None, f"a function of a model [d], as {defense.name} goes by the {name}")
            return function(like(own, model))

        return value

    inbox = by_hand(
        mine[None],
        [theirs],
        loss=of_model("loss", loss),
        accuracy=of_model("accuracy", accuracy),
        byzantine=None if byzantine is None else [list(byzantine)],
        metropolis=None if weights is None else [list(weights)],
        before=None if before is None else matrix("before", vector("before", before)[None], mine),
        seed=seed,
        round=round,
        rounds=rounds,
        classes=classes,
    )
    after, mix = aggregated(defense, defense.begin(1, *theirs.shape) if state is None else state, inbox)

    def first(value: Tensor | None) -> Any:
        return None if value is None else like(own, value[0])

    return Aggregate(first(mix.models), first(mix.selected), first(mix.weights), after)
