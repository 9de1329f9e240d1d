"""Rules that try all subsets of a pool: how many models that may be."""

import pytest
import torch
from helpers import aggregate, chosen, graph, make_inbox, one_node, random_models

from byzdl.config.types import ConfigError
from byzdl.exchange import Conditions
from byzdl.testing import random_inbox
from byzdl.vectors import blocks

RULES = ["mda", "smea"]


def star(leaves):
    return graph(leaves + 1, [(0, leaf) for leaf in range(1, leaves + 1)], byzantine=[3])


@pytest.mark.parametrize("name", RULES)
def test_a_pool_of_more_than_20_models_is_refused(name):
    rule = chosen("defense", name)
    rule.check(Conditions(star(19)))
    rule.check(Conditions(star(21), seen=lambda k: k // 2))  # behind a pre-step, its models count
    says = (
        f"^defense is '{name}', but must be a rule that does not try all subsets, as node 0 has a pool of 21 models, "
    )
    with pytest.raises(ConfigError, match=says + "above 20$"):
        rule.check(Conditions(star(20)))


@pytest.mark.parametrize("name", RULES)
def test_more_neighbours_than_that_count_if_few_are_there(name):
    """A graph that is redrawn has a column for every node, and its later graphs are seen by no check."""
    rule, models = chosen("defense", name, f=1), random_models(9, 5)
    alone = aggregate(rule, one_node(models[0].tolist(), models[1:].tolist()))
    others = [[torch.nan] * 5] * 30
    inbox = make_inbox([models[0].tolist()], [[*others, *models[1:].tolist()]])
    inbox.present[:, :30] = False
    assert torch.equal(aggregate(rule, inbox).models, alone.models)
    with pytest.raises(ConfigError, match=r"as a node in round 1 has a pool of 31 models, above 20$"):
        aggregate(rule, one_node(0, list(range(30))))


@pytest.mark.parametrize("name", RULES)
def test_blocks_make_no_difference(name, monkeypatch):
    rule, inbox = chosen("defense", name, f=3), random_inbox((9, 4, 7))
    whole = aggregate(rule, inbox).models
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    torch.testing.assert_close(aggregate(rule, inbox).models, whole)
