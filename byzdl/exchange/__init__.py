"""The exchange of models: senders and receivers, the models on the wire, and each learner's inbox."""

from byzdl.exchange.by_hand import by_hand
from byzdl.exchange.conditions import Conditions
from byzdl.exchange.inbox import Inbox, LossOf, Measure, Mix, Truth
from byzdl.exchange.links import Links
from byzdl.exchange.roster import Neighbourhood, Roster
from byzdl.exchange.tolerance import Tolerance
from byzdl.exchange.wire import Wire

__all__ = [
    "Conditions",
    "Inbox",
    "Links",
    "LossOf",
    "Measure",
    "Mix",
    "Neighbourhood",
    "Roster",
    "Tolerance",
    "Truth",
    "Wire",
    "by_hand",
]
