"""`byzdl.attack`: what attackers would send, given the benign models."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import torch
from torch import Tensor

from byzdl.api.arrays import Array, like, matrix
from byzdl.api.components import chosen
from byzdl.attacks import Attack, AttackView, Knowledge, Messages
from byzdl.attacks.view import standard_normal
from byzdl.config.types import ConfigError
from byzdl.defenses import Defense
from byzdl.exchange import Inbox, LossOf, Measure, Mix, Roster, Wire
from byzdl.simulation.answers import aggregated, sent
from byzdl.topology import Network


@dataclass(frozen=True)
class Sent:
    """What attackers send.

    - `models` [B, h, d]: `models[b, i]` is the message of attacker b to benign node i
    - `state`: what the attack remembers, for the next call
    """

    models: Any
    state: Any


def attack(
    name: str | Attack,
    benign: Array,
    n: int | None = None,
    byzantine: int = 1,
    *,
    previous: Array | None = None,
    own: Array | None = None,
    own_previous: Array | None = None,
    defense: str | Defense = "mean",
    loss: Callable[[Any], float] | None = None,
    state: Any = None,
    round: int = 0,
    seed: int = 0,
    **keys: Any,
) -> Sent:
    """Computes the messages of attackers on a complete graph: every attacker sends to every benign node.

    - `benign` [h, d]: the benign models x^{t+1/2}; torch or numpy, and the answer is of the same kind
    - `n`: the number of nodes, h + `byzantine`
    - `byzantine`: B, the number of attackers
    - `previous` [h, d]: the benign models x^t, before their local step; the same as `benign` by default
    - `own`, `own_previous` [B, d]: the attackers' own models x^{t+1/2} and x^t, of attacks that train
    - `defense`, `loss`: the defense in use and the loss of a model, for attacks that rehearse the defense
    - `state`: the state that an earlier call returned, for attacks that remember
    - `round`, `seed`: of the run, for attacks that draw random numbers
    - `keys`: the attack's own, such as `z=1.5`

    **Raises:** `ConfigError` for a wrong name, key or shape; `RuleError` for a mistake in a class of one's own.

    >>> import torch
    >>> benign = torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 3.0]])
    >>> attack("max", benign, n=5, byzantine=2).models[0]
    tensor([[-3., -3.],
            [-3., -3.],
            [-3., -3.]])
    >>> attack("alie", benign, byzantine=2, z=1.0).models[1, 0]
    tensor([ 1.1835, -0.4142])
    """
    after = matrix("benign", benign)
    h, d = after.shape
    if n is not None and n != h + byzantine:
        raise ConfigError.of("n", n, f"{h + byzantine}, the {h} benign models and {byzantine} attackers")
    rule: Attack = chosen("attack", name, keys)
    network = _complete(h, byzantine)
    rule.check(network)
    before = after.clone() if previous is None else matrix("previous", previous, after)
    mine, mine_before = _own(rule, after, own, own_previous, byzantine)
    learners = tuple(range(h + byzantine)) if rule.trains else network.benign
    roster = Roster.of(network, learners, after.device)
    wire = Wire(torch.cat([after, mine]), torch.cat([before, mine_before]))
    wire.own[:] = torch.cat([after, mine])
    oracle = _oracle(None if loss is None else lambda model: loss(like(benign, model)))
    guard: Defense = chosen("defense", defense, {})

    def rehearse(roster: Roster, trials: Sequence[Messages], knowledge: Knowledge) -> Iterator[Mix]:
        for messages in trials:
            rows = roster.rows.masked_scatter(roster.byzantine, len(wire.own) + messages.index)
            sent_models = wire.with_messages(messages.models)
            inbox = Inbox.of(sent_models, rows, roster, oracle, learners, wire.before, seed=seed, round=round)
            yield aggregated(guard, guard.begin(len(rows), rows.shape[1], d), inbox)[1]

    view = AttackView(
        network=network,
        roster=roster,
        before=wire.before,
        after=wire.own,
        nodes=network.benign,
        benign_rows=torch.arange(h),
        byzantine_rows=torch.arange(h, h + len(mine)),
        rehearsal=rehearse,
        initialise=standard_normal(after, seed),
        seed=seed,
        round=round,
    )
    known, messages = sent(rule, rule.begin(len(learners), d) if state is None else state, view)
    models = after.new_zeros(byzantine, h, d)
    to_benign = view.victim < h
    models[view.attacker[to_benign], view.victim[to_benign]] = messages.models[messages.index[to_benign]]
    return Sent(like(benign, models), known)


def _complete(benign: int, byzantine: int) -> Network:
    """The complete graph with its Byzantine nodes behind the benign ones."""
    graph = nx.complete_graph(benign + byzantine)
    neighbours = tuple(tuple(sorted(graph.neighbors(i))) for i in graph)
    return Network(neighbours, tuple(range(benign, benign + byzantine)))


def _own(
    rule: Attack, after: Tensor, own: Array | None, own_previous: Array | None, byzantine: int
) -> tuple[Tensor, Tensor]:
    """The attackers' own models after and before their local step: none for an attack that does not train."""
    if not rule.trains:
        return after[:0], after[:0]
    if own is None:
        raise ConfigError.of("own", None, f"the own models [{byzantine}, d] of the attackers, as {rule.name} trains")
    mine = matrix("own", own, after)
    if len(mine) != byzantine:
        raise ConfigError.of("own", f"{len(mine)} models", f"one for each of the {byzantine} attackers")
    return mine, mine.clone() if own_previous is None else matrix("own_previous", own_previous, after)


def _oracle(loss: Callable[[Tensor], float] | None) -> LossOf:
    def loss_of(models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: Measure = "loss") -> Tensor:
        if loss is None:
            raise ConfigError.of("loss", None, "a function of a model [d], as the defense in use goes by the loss")
        found = torch.full(rows.shape, torch.nan, dtype=torch.float64)
        known = {row: float(loss(models[row])) for row in set(rows[wanted].tolist())}
        found[wanted] = torch.tensor([known[row] for row in rows[wanted].tolist()], dtype=torch.float64)
        return found

    return loss_of
