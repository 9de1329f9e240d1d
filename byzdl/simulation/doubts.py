"""The facts of a run's rules, and warnings where its name says more than it does: of an attack without an attacker."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from byzdl.attacks.none import NoAttack
from byzdl.defenses.local import Local
from byzdl.simulation.build import conditions_of
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import Settings
from byzdl.topology import Network


def rule_facts(settings: Settings, experiment: Experiment) -> dict[str, Any]:
    """Collects the facts of the attack, the defense and the pre-step for run.json, and all `warnings`."""
    conditions = conditions_of(settings, experiment.network)
    facts = {
        "attack": dict(settings.attack.facts(experiment.network)),
        "defense": dict(settings.defense.facts(conditions)),
        "pre": dict(settings.pre.facts(conditions)),
    }
    return {**facts, "warnings": doubts(settings, experiment.networks, *facts.values())}


def doubts(settings: Settings, networks: Sequence[Network], *facts: Mapping[str, Any]) -> list[str]:
    """Lists the warnings of a run: those below, and each `warning` among the facts of its rules.

    - `networks`: the graphs of the run, in order
    - `facts`: of the attack, the defense and the pre-step

    >>> from byzdl.config.compose import compose
    >>> from byzdl.simulation import parse
    >>> from byzdl.topology import draw_network
    >>> settings = parse(compose("topology=complete", "topology.n=4", "attack.br=0.1"))
    >>> doubts(settings, [draw_network(settings.topology, 0.1, seed=0)])
    ['attack.br=0.1 of topology.n=4 is rounded to 0 of 4 nodes: nobody is Byzantine, and attack=max does nothing']
    """
    found = (_of_attack, _of_defense, _of_topology)
    own = [warning for warnings in found for warning in warnings(settings, networks)]
    return [*own, *(str(one["warning"]) for one in facts if "warning" in one)]


def _of_attack(settings: Settings, networks: Sequence[Network]) -> Iterator[str]:
    attack, n = settings.attack, networks[0].n
    if isinstance(attack, NoAttack) or attack.br == 0:
        return
    nothing = f"attack={attack.name} does nothing"
    if not networks[0].byzantine:
        yield f"attack.br={attack.br} of topology.n={n} is rounded to 0 of {n} nodes: nobody is Byzantine, and {nothing}"
    elif not any(set(network.byzantine) & set(network.neighbours[i]) for network in networks for i in network.benign):
        yield f"no benign node has a Byzantine neighbour, so {nothing}; topology.require=benign_connected prevents this"
    if attack.start >= settings.rounds:
        yield f"attack.start={attack.start} is after the last of rounds={settings.rounds}, so {nothing}"


def _of_defense(settings: Settings, networks: Sequence[Network]) -> Iterator[str]:
    mixes = not isinstance(settings.defense, Local)
    if mixes and not any(network.neighbours[i] for network in networks for i in network.benign):
        yield f"no benign node has a neighbour, so defense={settings.defense.name} mixes nothing in, as local"


def _of_topology(settings: Settings, networks: Sequence[Network]) -> Iterator[str]:
    every = settings.topology.redraw_every
    if every >= settings.rounds:
        yield f"topology.redraw_every={every} is after the last of rounds={settings.rounds}, so the graph stays"
