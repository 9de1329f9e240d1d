"""Graphs: who is a neighbour of whom, and who is Byzantine."""

from byzdl.topology.base import Topology
from byzdl.topology.draw import byzantine_count, draw_network
from byzdl.topology.fixed import Complete, Ring, Torus
from byzdl.topology.network import Network
from byzdl.topology.random import ErdosRenyi, KRegular, SmallWorld

__all__ = [
    "Complete",
    "ErdosRenyi",
    "KRegular",
    "Network",
    "Ring",
    "SmallWorld",
    "Topology",
    "Torus",
    "byzantine_count",
    "draw_network",
]
