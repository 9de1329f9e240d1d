"""Builds an experiment from settings: draws, checks and loads everything."""

from byzdl.data import load
from byzdl.exchange import Conditions
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import Settings
from byzdl.topology import Network, draw_network


def build(settings: Settings) -> Experiment:
    """Draws the graph, checks the rules under its conditions, and only then loads the data.

    **Raises:** `ConfigError` for settings that cannot be run.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.config.compose import compose
    >>> from byzdl.simulation import parse
    >>> with TemporaryDirectory() as cache:
    ...     experiment = build(parse(compose("dataset=synthetic", f"dataset.cache={cache}", "topology.n=4")))
    >>> experiment.network.n, experiment.data.sample.shape
    (4, (1, 8, 8))
    """
    network = draw_network(settings.topology, settings.attack.br, settings.seed)
    check_rules(settings, network)
    return Experiment.build(settings, network, load(settings.dataset))


def check_rules(settings: Settings, network: Network) -> None:
    """Checks the attack, the pre-step and the defense on a graph.

    **Raises:** `ConfigError` for a rule that cannot work there.
    """
    conditions = conditions_of(settings, network)
    settings.attack.check(network)
    settings.pre.check(conditions)
    settings.defense.check(conditions)


def conditions_of(settings: Settings, network: Network) -> Conditions:
    """Returns the conditions for the rules of the settings on a graph."""
    return Conditions(network, settings.partition.validation, settings.pre.seen)
