"""The timed experiment: the paper's, on generated images of CIFAR-10's shape."""

from benchmarks.trees import ROOT
from byzdl.config.compose import compose
from byzdl.data import load
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import parse
from byzdl.topology import draw_network

# 5120 images a node are 20 rounds an epoch. So no epoch ends, with an evaluation, while rounds are timed.
PAPER = [
    "experiment=paper",
    "dataset=synthetic",
    "dataset.size=32",
    "dataset.channels=3",
    "dataset.train_count=51200",
    "attack=max",
    "attack.br=0.3",
]


def experiment(*overrides: str) -> Experiment:
    """Builds an experiment as a run does."""
    settings = parse(compose(*overrides, f"dataset.cache={ROOT / 'data' / 'cache'}"))
    network = draw_network(settings.topology, settings.attack.br, settings.seed)
    return Experiment.build(settings, network, load(settings.dataset))
