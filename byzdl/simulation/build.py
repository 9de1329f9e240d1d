"""Builds an experiment from settings: draws, checks and loads everything."""

from pydantic import ValidationError

from byzdl.config.types import complaint
from byzdl.data import Data, labels_for, load
from byzdl.exchange import Conditions
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import Settings
from byzdl.topology import Network, draw_network


def build(settings: Settings) -> Experiment:
    """Draws the graph, checks the rules under its conditions, and only then loads the data.

    Where there is a node for each user, the data are loaded first.

    **Raises:** `ConfigError` for settings that cannot be run.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.config.compose import compose
    >>> from byzdl.simulation import parse
    >>> with TemporaryDirectory() as cache:
    ...     experiment = build(parse(compose("dataset=synthetic", f"dataset.cache={cache}", "topology.n=4")))
    >>> experiment.network.n, experiment.data.sample.shape
    (4, (1, 8, 8))
    """
    data = load(settings.dataset) if settings.topology.n is None else None
    settings = settings if data is None else with_nodes(settings, data)
    network = draw_network(settings.topology, settings.attack.br, settings.seed)
    check_rules(settings, network)
    return Experiment.build(settings, network, load(settings.dataset) if data is None else data)


def with_nodes(settings: Settings, data: Data) -> Settings:
    """Returns the same settings, with a node for each user where `topology.n` is null.

    **Raises:** `ConfigError` if the data do not tell users, or if the graph cannot have so many nodes.
    """
    topology = settings.topology
    if topology.n is not None:
        return settings
    users = int(labels_for(settings.partition, data).max()) + 1
    keys = {key: getattr(topology, key) for key in type(topology).model_fields}
    try:
        return settings.model_copy(update={"topology": type(topology).model_validate({**keys, "n": users})})
    except ValidationError as error:
        raise complaint(error.errors()[0], prefix="topology") from None


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
