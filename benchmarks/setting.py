"""The experiment that is timed: the paper's, on generated images of CIFAR-10's shape."""

from hydra import compose, initialize_config_dir

from benchmarks.timing import ROOT
from byzdl.config.identity import plain, register_resolvers
from byzdl.data import load
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import parse
from byzdl.topology import draw_network

register_resolvers()

# 5120 images a node are 20 rounds an epoch: none ends, with its test images, while rounds are timed.
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
    """An experiment as a run builds it."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        settings = parse(plain(compose("config", [*overrides, f"dataset.cache={ROOT / 'data' / 'cache'}"])))
    network = draw_network(settings.topology, settings.attack.br, settings.seed)
    return Experiment.build(settings, network, load(settings.dataset))
