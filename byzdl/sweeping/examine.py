"""What can be refused without data is refused before any run of a sweep starts, and told once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from byzdl.config.explain import WRONG_INPUT, explain
from byzdl.config.types import Component
from byzdl.sweeping.plan import Planned
from byzdl.sweeping.processes import side_by_side

Configured = tuple[Mapping[str, Any], Mapping[str, Component]]


def examined(
    plan: Sequence[Planned], configured: Callable[[Planned], Configured], elsewhere: bool = False
) -> list[Planned]:
    """Checks the configurations of all runs that are due, in one process that imports torch in place of this one.

    - `configured`: returns a run's configuration, and instances in place of configured choices
    - `elsewhere`: whether the runs are computed on other machines, with devices and packages of their own

    Returns the plan, with the reason of each refusal.
    """
    due = [run for run in plan if not run.done and not run.refused]
    if not due:
        return list(plan)
    # In the process that computes one run, an answer would come as soon.
    if len(due) == 1:
        return list(plan)
    (ended,) = side_by_side(1, lambda _: partial(refusals, [configured(run) for run in due], elsewhere), 1)
    reasons = dict(zip(due, ended.value or [""] * len(due), strict=True))
    return [replace(run, refused=reasons[run]) if reasons.get(run) else run for run in plan]


def refusals(runs: Sequence[Configured], elsewhere: bool = False) -> list[str]:
    """Checks configurations, and returns the reason against each; an empty one if there is none.

    >>> from byzdl.config.compose import compose
    >>> refusals([(compose("attack.br=0.99"), {}), (compose(), {})])
    ['attack.br is 0.99, but must be a rate that leaves a benign node among topology.n=10', '']
    """
    # These import torch.
    from byzdl.runs.writers import check
    from byzdl.simulation.build import check_rules
    from byzdl.simulation.settings import parse
    from byzdl.topology import Network, draw_network

    drawn: dict[str, Network] = {}

    def refuse(config: Mapping[str, Any], given: Mapping[str, Component]) -> None:
        settings = parse({**config, "device": "cpu"} if elsewhere else config, given)
        if not elsewhere:
            check(settings.writer)
        if settings.topology.n is None:  # The data tell, and they are not read here.
            return
        graph = f"{settings.topology!r} {settings.attack.br} {settings.seed}"
        if graph not in drawn:
            drawn[graph] = draw_network(settings.topology, settings.attack.br, settings.seed)
        check_rules(settings, drawn[graph])

    return [_reason(partial(refuse, config, given)) for config, given in runs]


def _reason(refuse: Callable[[], None]) -> str:
    try:
        refuse()
    except WRONG_INPUT as error:
        return explain(error)
    except Exception:  # The run itself will fail, and leave the traceback in its folder.
        return ""
    return ""


def told(failures: Mapping[tuple[str, ...], str]) -> list[str]:
    """Formats a line for each reason, with the first of its combinations.

    >>> told({("seed=0",): "no data", ("seed=1",): "no disk", ("seed=2",): "no data"})
    ['  seed=0 and 1 more: no data', '  seed=1: no disk']
    """
    by_reason: dict[str, list[tuple[str, ...]]] = {}
    for overrides, why in failures.items():
        by_reason.setdefault(why, []).append(overrides)
    return [
        f"  {' '.join(first)}{f' and {len(others)} more' if others else ''}: {why}"
        for why, (first, *others) in by_reason.items()
    ]
