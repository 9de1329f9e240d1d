"""The settings of a run, its experiment, and the round loop.

No module of this room writes a file of the run or knows Hydra.
"""

from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.metrics import Evaluation
from byzdl.simulation.rounds import one_round, simulate
from byzdl.simulation.settings import Settings, parse

__all__ = ["Evaluation", "Experiment", "Settings", "State", "one_round", "parse", "simulate"]
