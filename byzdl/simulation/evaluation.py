"""Evaluates the models of a network on test samples, and on the validation samples of the nodes."""

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor

from byzdl.data import Split
from byzdl.data.partition import View
from byzdl.simulation import answers
from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.metrics import Evaluation
from byzdl.vectors.blocks import consensus_distance

EVALUATION_BATCH = 256


class Score(NamedTuple):
    """Holds the scores of r models on some samples, each float64 [r].

    - `score`: the accuracy, or R^2 of a regression
    - `error`: 1 - score
    - `loss`: the mean cross-entropy, or the mean squared error of standardised targets
    """

    score: Tensor
    error: Tensor
    loss: Tensor


class Scores:
    """Measures the learners' models [L, d], each on the first request for its score."""

    def __init__(self, experiment: Experiment, models: Tensor):
        self.experiment = experiment
        self.models = models
        self._known: dict[str, dict[int, Tensor]] = {"test": {}, "validation": {}}

    def of(self, learners: Sequence[int], data: str) -> Score:
        """Returns the scores of some learners' models.

        - `learners`: r learner rows
        - `data`: `test` for the test samples, as the partition shows them; `validation` for each learner's own samples
        """
        known = self._known[data]
        missing = [i for i in learners if i not in known]
        if data == "test":
            for view, group in _by_test_view(self.experiment, missing).items():
                known.update(zip(group, self._measure(group, self.experiment.data.test, None, view), strict=True))
        else:
            for i in missing:
                own = self.experiment.batches.holdings[self.experiment.learners[i]]
                index = torch.from_numpy(own.validation)
                (known[i],) = self._measure([i], self.experiment.data.train, index, own.view)
        return Score(*torch.stack([known[i] for i in learners], dim=1))

    def _measure(self, learners: Sequence[int], split: Split, index: Tensor | None, view: View | None) -> Tensor:
        """Measures score, error and loss [r, 3] of r models on the same samples (all if `index` is None)."""
        task = self.experiment.model.task
        total = task.spread(split.targets) * len(split) if index is None else len(index)
        index = torch.arange(len(split)) if index is None else index
        error = torch.zeros(len(learners), dtype=torch.float64, device=self.models.device)
        loss = torch.zeros_like(error)
        for chunk in torch.split(index, EVALUATION_BATCH):
            inputs, targets = split.batch(chunk)
            inputs = inputs if view is None else view(inputs)
            outputs = self.experiment.model.outputs(self.models, learners, inputs)
            error += task.each_error(outputs, targets).sum(1)
            loss += task.each_loss(outputs, targets).sum(1)
        return torch.stack([(total - error) / total, error / total, loss / len(index)], dim=1)


def evaluate(experiment: Experiment, state: State, scores: Scores) -> Evaluation:
    """Evaluates the models of the benign nodes, and the counts since the last evaluation."""
    network, benign = experiment.network, experiment.benign
    on_test = scores.of(benign.tolist(), "test")
    reported = answers.reported(experiment, state)
    validation = scores.of(benign.tolist(), "validation").score.cpu() if experiment.holds_out else None
    neighbours = experiment.links.network(max(state.round - 1, 0)).neighbours
    return Evaluation(
        round=state.round,
        epoch=fmean(experiment.epochs(i, state.round) for i in network.benign),
        nodes=torch.tensor(network.benign),
        score=on_test.score.cpu(),
        loss=on_test.loss.cpu(),
        consensus_distance=consensus_distance(state.models, benign),
        reported={name: values[benign].cpu() for name, values in reported.items()},
        success=success(experiment, state.models),
        tally=state.tally.among(benign),
        neighbours=torch.tensor([len(neighbours[i]) for i in network.benign]),
        byzantine_neighbours=torch.tensor([len(set(network.byzantine) & set(neighbours[i])) for i in network.benign]),
        senders=experiment.links.roster(max(state.round - 1, 0)).senders[benign].cpu(),
        validation=validation,
        task=experiment.model.task.score,
        unit=experiment.data.target_std,
    )


def success(experiment: Experiment, models: Tensor) -> Tensor | None:
    """Computes the attack's success: for each benign model, the share of triggered test images classified as the target.

    - `models` [L, d]: of all learners

    Returns float64 [h] on the CPU, or None for an attack without a trigger.
    """
    if not experiment.attack.triggers:
        return None
    test, benign = experiment.data.test, experiment.benign.tolist()
    hits = torch.zeros(len(models), dtype=torch.float64, device=models.device)
    total = 0
    for chunk in torch.split(torch.arange(len(test)), EVALUATION_BATCH):
        images, labels = test.batch(chunk)
        for view, group in _by_test_view(experiment, benign).items():
            seen = images if view is None else view(images)
            triggered, counted, target = experiment.attack.triggered(seen, labels)
            answers = experiment.model.outputs(models, group, triggered).argmax(2)
            hits[group] += ((answers == target) & counted).sum(1)
        total += int(counted.sum())
    return (hits[benign] / max(total, 1)).cpu()


def _by_test_view(experiment: Experiment, learners: Sequence[int]) -> dict[View | None, list[int]]:
    """Groups learners by their view of the test samples."""
    groups: dict[View | None, list[int]] = {}
    for i in learners:
        groups.setdefault(experiment.batches.holdings[experiment.learners[i]].test_view, []).append(i)
    return groups
