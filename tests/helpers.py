"""Small cases written by hand, and independent rebuilds of what byzdl computes.

Nothing here calls the code that it checks: an `Inbox` comes from `by_hand`, which runs do not use, and modules are
rebuilt from flat vectors by a loop of their own.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from byzdl.attacks import Attack, AttackView
from byzdl.attacks.none import NoAttack
from byzdl.config.compose import prepare_hydra
from byzdl.config.yamls import keys, target
from byzdl.data import Data, Iid
from byzdl.defenses import Defense
from byzdl.defenses.local import Local
from byzdl.exchange import Inbox, Mix, Wire, by_hand
from byzdl.models import Linear, Model
from byzdl.preaggregation.none import NoPre
from byzdl.samples import Sample
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import Checkpoint, Optimizer, Screen, Settings, component
from byzdl.testing import attack_view as view_of
from byzdl.testing import random_models as random_models
from byzdl.topology import Complete, Network

CONF = Path(__file__).resolve().parent.parent / "conf"

# Keys that a choice requires: a graph of 12 nodes, each linked to the nodes 1, 2 and 5 places away; and a network.
NEEDED = {
    "file": [f"topology.path={Path(__file__).parent / 'graphs' / 'twelve.edges'}"],
    "module": ["model.target=helpers:small_network"],
}

prepare_hydra()

Vector = Sequence[float] | float


def choices(group: str) -> list[str]:
    """The names of all choices of a config group, so that a new one is tested without being listed."""
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def pairs(attack: str, defense: str) -> list[tuple[str, str]]:
    """Every attack against one defense, and one attack against every defense."""
    every = [*((name, defense) for name in choices("attack")), *((attack, name) for name in choices("defense"))]
    return list(dict.fromkeys(every))


def small_network(sample: Sample, outputs: int) -> nn.Module:
    """A network as users write it, for `model=module`."""
    return nn.Sequential(nn.Flatten(), nn.Linear(sample.size, 5), nn.Tanh(), nn.Linear(5, outputs))


def chosen(group: str, name: str, **overrides: Any) -> Any:
    """Makes a choice with its defaults, as a run does."""
    return component(group, {**written(group, name), **overrides})


@cache
def written(group: str, name: str) -> dict[str, Any]:
    """A choice's keys, as Hydra composes them, in a hundredth of its time: tests/config/test_yamls.py compares the two."""
    file = CONF / group / f"{name}.yaml"
    lines = [f"{group}._target_={target(file)}", *(f"{group}.{key}={one.default}" for key, one in keys(file).items())]
    composed = OmegaConf.from_dotlist(["task=classification", *lines, *NEEDED.get(name, [])])
    plain: Any = OmegaConf.to_container(composed, resolve=True)
    return dict(plain[group])


class Table:
    """A loss oracle that looks losses up, and records the questions.

    - `asked`: every (learner, row) in order
    - `fresh`: the `fresh` of every call
    """

    def __init__(self, losses: Mapping[tuple[int, int], float]):
        self.losses = losses
        self.accuracies: Mapping[tuple[int, int], float] = {}
        self.asked: list[tuple[int, int]] = []
        self.fresh: list[bool] = []

    def __call__(self, models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: str = "loss") -> Tensor:
        if measure == "accuracy":  # by default, worse for a worse loss
            return losses_at(
                rows, wanted, lambda i, row: self.accuracies.get((i, row), math.exp(-abs(self.losses[i, row])))
            )
        self.asked += [(int(i), int(rows[i, c])) for i, c in wanted.nonzero()]
        self.fresh.append(fresh)
        return losses_at(rows, wanted, lambda i, row: self.losses[i, row])


class Function:
    """A loss oracle for a function of (learner, model [d])."""

    def __init__(self, function: Callable[[int, Tensor], float]):
        self.function = function

    def __call__(self, models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: str = "loss") -> Tensor:
        losses = losses_at(rows, wanted, lambda i, row: float(self.function(i, models[row])))
        # The worse the loss, the worse the accuracy.
        return losses.neg().exp() if measure == "accuracy" else losses


def losses_at(rows: Tensor, wanted: Tensor, loss: Callable[[int, int], float]) -> Tensor:
    """The wanted losses of (learner, row). Elsewhere, a bait: a loss better than any."""
    losses = torch.full(rows.shape, -1e9)
    for i, c in wanted.nonzero().tolist():
        losses[i, c] = loss(i, int(rows[i, c]))
    return losses


def vectors(rows: Sequence[Vector], d: int | None = None) -> Tensor:
    """Models as a float32 matrix; plain numbers are models of one parameter."""
    listed = [[row] if isinstance(row, int | float) else list(row) for row in rows]
    return torch.tensor(listed, dtype=torch.float32).reshape(len(listed), len(listed[0]) if d is None else d)


def make_inbox(
    own: Sequence[Vector],
    received: Sequence[Sequence[Vector]],
    *,
    own_losses: Sequence[float] | None = None,
    losses: Sequence[Sequence[float]] | None = None,
    function: Callable[[int, Tensor], float] | None = None,
    byzantine: Sequence[Sequence[bool]] | None = None,
    metropolis: Sequence[Sequence[float]] | None = None,
) -> Inbox:
    """An inbox from lists, one entry a learner; every received model is a row of its own.

    Losses come from tables (`own_losses`, `losses`), or from a `function` of (learner, model).
    """
    models = vectors(own)
    neighbours = [vectors(messages, models.shape[1]) for messages in received]
    inbox = by_hand(models, neighbours, byzantine=byzantine, metropolis=metropolis)
    if function is not None:
        return replace(inbox, loss_of=Function(function))
    table = {}
    if own_losses is not None and losses is not None:
        for i, (loss, row, of_received) in enumerate(zip(own_losses, inbox.rows.tolist(), losses, strict=True)):
            table |= {(i, i): loss, **{(i, row[j]): one for j, one in enumerate(of_received)}}
    return replace(inbox, loss_of=Table(table))


def one_node(
    own: Vector,
    received: Sequence[Vector],
    *,
    own_loss: float | None = None,
    losses: Sequence[float] | None = None,
    byzantine: Sequence[bool] | None = None,
) -> Inbox:
    """The inbox of a single learner."""
    return make_inbox(
        [own],
        [received],
        own_losses=None if own_loss is None else [own_loss],
        losses=None if losses is None else [losses],
        byzantine=None if byzantine is None else [byzantine],
    )


def selected(mix: Mix, learner: int = 0) -> list[int]:
    """The neighbours, by their column in the inbox, that a learner accepted."""
    assert mix.selected is not None
    return torch.nonzero(mix.selected[learner]).flatten().tolist()


def aggregate(defense: Defense, inbox: Inbox, state: Any = None) -> Mix:
    """A defense's decision, from its first state if none is given."""
    return defense.aggregate(defense.begin(*inbox.rows.shape, inbox.own.shape[1]) if state is None else state, inbox)[1]


def view(
    benign: Sequence[Vector],
    *,
    byzantine: int = 1,
    previous: Sequence[Vector] | None = None,
    own: Sequence[Vector] = (),
    attacker: Sequence[int] = (0,),
    victim: Sequence[int] | None = None,
) -> AttackView:
    """An attacker's view, from lists; by default one attacker sends to one victim."""
    models = vectors(benign)
    return view_of(
        models,
        models.clone() if previous is None else vectors(previous),
        vectors(own, models.shape[1]) if own else models[:0],
        byzantine=byzantine,
        attacker=torch.tensor(attacker, dtype=torch.long),
        victim=torch.tensor(range(len(attacker)) if victim is None else victim, dtype=torch.long),
    )


def filled_wire(models: Tensor) -> Wire:
    """Learners' models [L, d] on the wire."""
    wire = Wire(models, before=torch.zeros_like(models))
    wire.own[:] = models
    return wire


def delivered(attack: Attack, seen: AttackView) -> Tensor:
    """The model that each message carries [E, d]."""
    messages = attack.send(attack.init(*seen.after.shape), seen)[1]
    return messages.models[messages.index]


def make_settings(**overrides: Any) -> Settings:
    """A complete graph of four nodes, logistic regression, no attack and no mixing; unless overridden."""
    keys: dict[str, Any] = {
        "seed": 0,
        "rounds": 4,
        "batch_size": 8,
        "eval_every": 1,
        "device": "cpu",
        "threads": 1,
        "screen": Screen(precision="float32"),
        "checkpoint": Checkpoint(every="60s"),
        "optimizer": Optimizer(lr=0.05, momentum=0.9),
        "attack": NoAttack(name="none", br=0.0),
        "defense": Local(name="local"),
        "pre": NoPre(name="none"),
        "topology": Complete(name="complete", n=4),
        "dataset": chosen("dataset", "synthetic"),
        "partition": Iid(name="iid"),
        "model": Linear(name="linear"),
    }
    return Settings(**{**keys, **overrides})


def graph(n: int, edges: Sequence[tuple[int, int]], byzantine: Sequence[int] = ()) -> Network:
    """A network from its edges."""
    around: list[set[int]] = [set() for _ in range(n)]
    for i, j in edges:
        around[i].add(j)
        around[j].add(i)
    return Network(tuple(tuple(sorted(nodes)) for nodes in around), tuple(sorted(byzantine)))


def make_experiment(data: Data, network: Network, **overrides: Any) -> Experiment:
    """An experiment on a given network."""
    topology = Complete(name="complete", n=network.n)
    return Experiment.build(make_settings(**{"topology": topology, **overrides}), network, data)


def module_at(model: Model, data: Data, x: Tensor) -> nn.Module:
    """A module of its own whose parameters are filled from a flat vector.

    Kernels of convolutions lie (out, height, width, in) in the vector.
    """
    module = model.build(data.sample, data.classes)
    start = 0
    with torch.no_grad():
        for parameter in module.parameters():
            piece = x[start : start + parameter.numel()]
            start += parameter.numel()
            if parameter.ndim == 4:
                out, into, height, width = parameter.shape
                parameter.copy_(piece.reshape(out, height, width, into).permute(0, 3, 1, 2))
            else:
                parameter.copy_(piece.reshape(parameter.shape))
    assert start == len(x)
    return module


def flat(module: nn.Module) -> Tensor:
    """The inverse of `module_at`."""
    pieces = [p.detach().permute(0, 2, 3, 1) if p.ndim == 4 else p.detach() for p in module.parameters()]
    return torch.cat([piece.reshape(-1) for piece in pieces])


def loss_at(model: Model, data: Data, x: Tensor, images: Tensor, labels: Tensor) -> float:
    """The mean cross-entropy of a flat vector on the batch of one learner [1, b, ...], by a plain forward."""
    with torch.no_grad():
        logits = module_at(model, data, x)(images[0])
        return nn.functional.cross_entropy(logits, labels[0]).item()
