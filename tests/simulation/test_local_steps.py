"""Several mini-batches a round, against an ordinary optimizer for each node."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from helpers import flat, graph, loss_at, make_experiment, module_at
from torch import nn

from byzdl.attacks.label_flip import LabelFlip
from byzdl.data import Data
from byzdl.data.batches import Batches
from byzdl.data.partition import Holding
from byzdl.defenses import Defense
from byzdl.exchange import Mix
from byzdl.models import Cnn, Linear
from byzdl.simulation.flat_model import Batched
from byzdl.simulation.rounds import one_round, simulate
from byzdl.simulation.settings import Optimizer

STEPS, ROUNDS, LR = 3, 6, 0.1


@pytest.mark.parametrize(
    "model", [Linear(name="linear"), Cnn(name="cnn", channels=[2, 3], hidden=4)], ids=["linear", "cnn"]
)
@pytest.mark.parametrize(("momentum", "average", "decay"), [(0.0, False, 0.0), (0.9, False, 0.1), (0.8, True, 0.1)])
def test_rounds_of_local_steps_are_those_of_torchs_sgd(
    tiny: Data, model: Any, momentum: float, average: bool, decay: float
) -> None:
    """Node 1 is an attacker that flips labels, in all of its mini-batches. Momentum goes on from round to round."""
    ours = Optimizer(lr=LR, momentum=momentum, average=average, weight_decay=decay, schedule="linear")
    experiment = make_experiment(
        tiny,
        graph(3, [(0, 1), (1, 2)], byzantine=[1]),
        model=model,
        optimizer=ours,
        attack=LabelFlip(name="label_flip", br=0.3),
        local_steps=STEPS,
        rounds=ROUNDS,
    )
    state = experiment.initial()
    modules = [module_at(model, tiny, x) for x in state.models]
    dampening = momentum if average else 0
    keys = {"lr": LR, "momentum": momentum, "dampening": dampening, "weight_decay": decay}
    optimizers = [torch.optim.SGD(module.parameters(), **keys) for module in modules]
    for optimizer in optimizers:
        for p in optimizer.param_groups[0]["params"] if momentum else ():  # else the first gradient is not dampened
            optimizer.state[p]["momentum_buffer"] = torch.zeros_like(p)
    for t in range(4):
        for i, (module, optimizer) in enumerate(zip(modules, optimizers, strict=True)):
            optimizer.param_groups[0]["lr"] = LR * (1 - t / ROUNDS)  # by rounds
            for step in range(STEPS):
                index = experiment.batches.current(i, STEPS * t + step)
                images, labels = tiny.train.batch(torch.from_numpy(index))
                optimizer.zero_grad()
                nn.functional.cross_entropy(module(images), 2 - labels if i == 1 else labels).backward()
                optimizer.step()
        before = state.models.clone()
        after, _ = one_round(experiment, state)
        assert torch.equal(state.models, before)
        state = after
        expected = torch.stack([flat(module) for module in modules])
        torch.testing.assert_close(state.models, expected, rtol=1e-4, atol=1e-6)
    assert (state.models - experiment.initial().models).abs().max() > 1e-2


class Screening(Defense):
    """Keeps the losses that it saw and the ends of epochs as its state, and mixes nothing in."""

    def init(self, learners: int, neighbours: int) -> Any:
        return (None, [])

    def aggregate(self, state: Any, inbox: Any) -> tuple[Any, Mix]:
        return (inbox.losses(), state[1]), Mix(inbox.own)

    def end_epoch(self, state: Any, ended: Any, measure: Any) -> Any:
        return (state[0], [*state[1], ended.tolist()])


def test_models_are_screened_on_the_last_mini_batch(tiny: Data) -> None:
    experiment = make_experiment(
        tiny, graph(3, [(0, 1), (1, 2)]), local_steps=2, rounds=8, defense=Screening(name="screening")
    )
    state = experiment.initial()
    for t in range(5):  # an epoch is 10 mini-batches, so that rounds 0 to 4 go through all of it
        state, _ = one_round(experiment, state)
        own, losses = state.defense[0]
        images, labels = tiny.train.batch(torch.from_numpy(experiment.batches.current(0, 2 * t + 1)))
        for j, found in ((0, own[0]), (1, losses[0, 0])):
            expected = loss_at(Linear(name="linear"), tiny, state.models[j], images[None], labels[None])
            assert found.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("steps", "first", "second"),
    [
        # After 2, 4, 6, 8, 10, 12 mini-batches: epochs of 3 have ended 0, 1, 2, 2, 3, 4 times, those of 2 every round.
        (2, [2, 3, 5, 6], [1, 2, 3, 4, 5, 6]),
        # Several epochs a round are told of once.
        (7, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
    ],
)
def test_epochs_are_of_the_data_and_end_with_the_round_of_their_last_mini_batch(
    tiny: Data, steps: int, first: list[int], second: list[int]
) -> None:
    # Batches of 4: node 0 has 12 samples, 3 mini-batches an epoch; node 1 has 9, 2.
    holdings = (Holding(np.arange(0, 12), np.arange(0)), Holding(np.arange(20, 29), np.arange(0)))
    made = make_experiment(tiny, graph(2, [(0, 1)]), local_steps=steps, rounds=6, defense=Screening(name="screening"))
    experiment = dataclasses.replace(made, batches=Batches(holdings, 4, seed=0))
    for state, found in simulate(experiment, experiment.initial()):
        assert found is not None
        assert found.epoch == (state.round * steps // 3 + state.round * steps // 2) / 2
    rounds = [r for r in range(1, 7) if r in first or r in second]
    assert state.defense[1] == [[r in first, r in second] for r in rounds]


def test_every_epoch_goes_through_all_of_the_data(tiny: Data) -> None:
    """Also where local steps do not divide it: 7 mini-batches an epoch, 3 a round."""
    experiment = make_experiment(tiny, graph(4, [(0, 1), (1, 2), (2, 3)]), local_steps=3)
    drawn = [experiment.batch([1], t, step=k)[0][0] for t in range(7) for k in range(3)]
    own, _ = tiny.train.batch(torch.from_numpy(experiment.batches.holdings[1].train))
    for epoch in range(3):
        seen = torch.cat(drawn[7 * epoch : 7 * epoch + 7])
        places = [(own == image).flatten(1).all(1).nonzero().flatten().tolist() for image in seen]
        assert len({place for found in places for place in found}) == 56


def test_both_ways_through_a_network_take_the_same_steps(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulated() -> torch.Tensor:
        model = Cnn(name="cnn", channels=[3, 4], hidden=6)
        experiment = make_experiment(tiny, graph(3, [(0, 1), (1, 2)]), model=model, local_steps=2, augment=["crop"])
        return one_round(experiment, one_round(experiment, experiment.initial())[0])[0].models

    one_by_one = simulated()
    monkeypatch.setattr("byzdl.simulation.flat_model.OneByOne", Batched)
    torch.testing.assert_close(simulated(), one_by_one, rtol=1e-3, atol=1e-5)
