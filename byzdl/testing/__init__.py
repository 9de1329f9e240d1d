"""Contracts: what every component keeps to, to be checked on a class of one's own.

Each check takes an instance, and raises one `ContractError` with a line for each broken contract:

>>> from byzdl.defenses.median import Median
>>> check_defense(Median())

The package's own choices are held to the same contracts. Nothing here needs pytest.
"""

from typing import Any

from byzdl.testing.attack import CONTRACTS as _ATTACK
from byzdl.testing.attack import check_attack
from byzdl.testing.cases import random_inbox, random_models
from byzdl.testing.contract import Contract, ContractError
from byzdl.testing.dataset import CONTRACTS as _DATASET
from byzdl.testing.dataset import check_dataset
from byzdl.testing.defense import CONTRACTS as _DEFENSE
from byzdl.testing.defense import check_defense
from byzdl.testing.model import CONTRACTS as _MODEL
from byzdl.testing.model import check_model
from byzdl.testing.partition import CONTRACTS as _PARTITION
from byzdl.testing.partition import check_partition
from byzdl.testing.preaggregation import CONTRACTS as _PREAGGREGATION
from byzdl.testing.preaggregation import check_preaggregation
from byzdl.testing.topology import CONTRACTS as _TOPOLOGY
from byzdl.testing.topology import check_topology
from byzdl.testing.views import attack_view, network_view

CONTRACTS: dict[str, tuple[Contract[Any], ...]] = {
    "attack": _ATTACK,
    "defense": _DEFENSE,
    "pre": _PREAGGREGATION,
    "topology": _TOPOLOGY,
    "dataset": _DATASET,
    "partition": _PARTITION,
    "model": _MODEL,
}
"""The contracts of each config group, in the order in which they are checked."""

__all__ = [
    "CONTRACTS",
    "Contract",
    "ContractError",
    "attack_view",
    "check_attack",
    "check_dataset",
    "check_defense",
    "check_model",
    "check_partition",
    "check_preaggregation",
    "check_topology",
    "network_view",
    "random_inbox",
    "random_models",
]
