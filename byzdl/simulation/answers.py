"""Checks the return values of defenses and attacks, so that a mistake in a user's class is one line that names it.

Only shapes and types are compared. A comparison of values would wait for the device.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from byzdl.attacks import Attack, AttackView, Messages
from byzdl.config.columns import TAKEN, tables
from byzdl.config.types import RuleError
from byzdl.defenses import Defense
from byzdl.exchange import Inbox, Mix
from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.metrics import columns_of


def aggregated(defense: Defense, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
    """Calls the defense, and returns its new state and its mix.

    **Raises:** `RuleError` if it returns anything else.
    """
    with RuleError.of_method(defense, "aggregate"):
        after, mix = _pair(defense.aggregate(state, inbox), "Mix", Mix)
        mix.check(*inbox.own.shape, inbox.rows.shape[1])
    return after, mix


def sent(attack: Attack, state: Any, view: AttackView) -> tuple[Any, Messages]:
    """Calls the attack, and returns its new state and its messages.

    **Raises:** `RuleError` if it returns anything else.
    """
    with RuleError.of_method(attack, "send"):
        after, messages = _pair(attack.act(state, view), "Messages", Messages)
        messages.check(len(view.attacker), view.after.shape[1])
    return after, messages


def reported(experiment: Experiment, state: State) -> Mapping[str, Tensor]:
    """Returns the values that the defense and the attack report, by name, each [L] or [L, k].

    **Raises:** `RuleError` for a name that is taken, and for any other shape.
    """
    shape = tuple(experiment.links.roster(0).senders.shape)
    collected: dict[str, Tensor] = {}
    attack, defense = experiment.attack, experiment.defense
    for component, report in (
        (defense, partial(defense.report, state.defense)),
        (attack, partial(attack.logged, state.attack)),
    ):
        with RuleError.of_method(component, "report"):
            for name, values in report().items():
                if name in {*TAKEN, *collected} - ({"theta"} - collected.keys()):
                    raise RuleError(f"the name {name!r} is taken by another column; choose another name")
                if not isinstance(values, Tensor) or tuple(values.shape) not in (shape[:1], shape):
                    got = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
                    raise RuleError(f"{name} is {got}, but must be a tensor [{shape[0]}] or {list(shape)}")
                collected[name] = values
    return collected


def columns(experiment: Experiment, state: State) -> dict[str, tuple[str, ...]]:
    """Returns the columns of each table of a run, those of reported values last."""
    more = columns_of(reported(experiment, state))
    own = tables(experiment.model.task.score, experiment.holds_out)
    return {table: (*names, *more.get(table, ())) for table, names in own.items()}


def _pair(answer: Any, name: str, kind: type) -> tuple[Any, Any]:
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], kind):
        got = f"a tuple of {len(answer)}" if type(answer) is tuple else f"a {type(answer).__name__}"
        raise RuleError(f"returned {got}, but must return (state, {name})")
    return answer
