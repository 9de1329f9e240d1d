"""From settings to an experiment: everything is drawn, checked and loaded."""

from byzdl.data import load
from byzdl.exchange import Conditions
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import Settings
from byzdl.topology import Network, draw_network


def build(settings: Settings) -> Experiment:
    """Draws the graph, checks the rules under its conditions, and only then loads the data.

    **Raises:** `ConfigError` for settings that cannot be run.
    """
    network = draw_network(settings.topology, settings.attack.br, settings.seed)
    conditions = conditions_of(settings, network)
    settings.attack.check(network)
    settings.pre.check(conditions)
    settings.defense.check(conditions)
    return Experiment.build(settings, network, load(settings.dataset))


def conditions_of(settings: Settings, network: Network) -> Conditions:
    """The conditions under which the settings' rules work on a graph."""
    return Conditions(network, settings.partition.validation, settings.pre.seen)
