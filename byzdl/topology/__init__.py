"""Graphs: each node's neighbours, and the Byzantine nodes."""

from byzdl.topology.base import Topology
from byzdl.topology.draw import draw_network, draw_redraws
from byzdl.topology.file import File
from byzdl.topology.fixed import Barbell, Complete, Exponential, Ring, Star, Torus, Tree
from byzdl.topology.network import Network
from byzdl.topology.placement import byzantine_count
from byzdl.topology.pull import Pull
from byzdl.topology.random import BarabasiAlbert, ErdosRenyi, KRegular, RandomGeometric, SmallWorld

__all__ = [
    "BarabasiAlbert",
    "Barbell",
    "Complete",
    "ErdosRenyi",
    "Exponential",
    "File",
    "KRegular",
    "Network",
    "Pull",
    "RandomGeometric",
    "Ring",
    "SmallWorld",
    "Star",
    "Topology",
    "Torus",
    "Tree",
    "byzantine_count",
    "draw_network",
    "draw_redraws",
]
