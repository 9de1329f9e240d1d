"""What rules and attacks answer, checked: a mistake in a class of one's own is one line that names the class.

Shapes are compared, and no values: nobody waits for the device.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from byzdl.attacks import Attack, AttackView, Messages
from byzdl.config.columns import EDGE_COLUMNS, NODE_COLUMNS
from byzdl.config.types import RuleError
from byzdl.defenses import Defense
from byzdl.exchange import Inbox, Mix
from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.metrics import columns_of


def aggregated(defense: Defense, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
    """The defense's new state and mix.

    **Raises:** `RuleError` for anything else.
    """
    with RuleError.of_method(defense, "aggregate"):
        after, mix = _pair(defense.aggregate(state, inbox), "Mix", Mix)
        mix.check(*inbox.own.shape, inbox.rows.shape[1])
    return after, mix


def sent(attack: Attack, state: Any, view: AttackView) -> tuple[Any, Messages]:
    """The attack's new state and messages.

    **Raises:** `RuleError` for anything else.
    """
    with RuleError.of_method(attack, "send"):
        after, messages = _pair(attack.act(state, view), "Messages", Messages)
        messages.check(len(view.attacker), view.after.shape[1])
    return after, messages


def reported(experiment: Experiment, state: State) -> Mapping[str, Tensor]:
    """The named values that the defense and the attack report, [L] or [L, k].

    **Raises:** `RuleError` for a name that is taken, or another shape.
    """
    shape = tuple(experiment.links.roster(0).senders.shape)
    found: dict[str, Tensor] = {}
    attack, defense = experiment.attack, experiment.defense
    for component, report in (
        (defense, partial(defense.report, state.defense)),
        (attack, partial(attack.told, state.attack)),
    ):
        with RuleError.of_method(component, "report"):
            for name, values in report().items():
                taken = {*NODE_COLUMNS, *EDGE_COLUMNS, *found} - ({"theta"} - found.keys())
                if name in taken:
                    raise RuleError(f"the name {name!r} is taken; must be another one")
                if not isinstance(values, Tensor) or tuple(values.shape) not in (shape[:1], shape):
                    got = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
                    raise RuleError(f"{name} is {got}, but must be a tensor [{shape[0]}] or {list(shape)}")
                found[name] = values
    return found


def reported_columns(experiment: Experiment, state: State) -> dict[str, tuple[str, ...]]:
    """The further columns of nodes.csv and edges.csv, by table: those of reported values, but for theta, which has one."""
    return columns_of(reported(experiment, state))


def _pair(answer: Any, name: str, kind: type) -> tuple[Any, Any]:
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], kind):
        got = f"a tuple of {len(answer)}" if type(answer) is tuple else f"a {type(answer).__name__}"
        raise RuleError(f"returned {got}, but must return (state, {name})")
    return answer
