"""Attacks: one file per attack. A new attack needs its file and a YAML in `conf/attack`, and nothing else."""

from typing import TYPE_CHECKING

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView, Initialise, Knowledge, Rehearsal
from byzdl.lazy import on_use

if TYPE_CHECKING:
    from byzdl.attacks.alie import Alie
    from byzdl.attacks.backdoor import Backdoor
    from byzdl.attacks.dba import Dba
    from byzdl.attacks.dissensus import Dissensus
    from byzdl.attacks.duplicate import Duplicate
    from byzdl.attacks.fang_krum import FangKrum
    from byzdl.attacks.fang_trim import FangTrim
    from byzdl.attacks.free_rider import FreeRider
    from byzdl.attacks.gaussian import Gaussian
    from byzdl.attacks.ipm import Ipm
    from byzdl.attacks.label_flip import LabelFlip
    from byzdl.attacks.loss_aware import LossAware
    from byzdl.attacks.max import Max
    from byzdl.attacks.mimic import Mimic
    from byzdl.attacks.min_max import MinMax
    from byzdl.attacks.min_sum import MinSum
    from byzdl.attacks.neurotoxin import Neurotoxin
    from byzdl.attacks.none import NoAttack
    from byzdl.attacks.nonfinite import Nonfinite
    from byzdl.attacks.opt_alie import OptAlie
    from byzdl.attacks.opt_ipm import OptIpm
    from byzdl.attacks.random_model import RandomModel
    from byzdl.attacks.rop import Rop
    from byzdl.attacks.sign_flip import SignFlip
    from byzdl.attacks.silent import Silent
    from byzdl.attacks.spectral import Spectral
    from byzdl.attacks.stale import Stale

__getattr__ = on_use(
    __name__,
    {
        "Alie": "alie",
        "Backdoor": "backdoor",
        "Dba": "dba",
        "Dissensus": "dissensus",
        "Duplicate": "duplicate",
        "FangKrum": "fang_krum",
        "FangTrim": "fang_trim",
        "FreeRider": "free_rider",
        "Gaussian": "gaussian",
        "Ipm": "ipm",
        "LabelFlip": "label_flip",
        "LossAware": "loss_aware",
        "Max": "max",
        "Mimic": "mimic",
        "MinMax": "min_max",
        "MinSum": "min_sum",
        "Neurotoxin": "neurotoxin",
        "NoAttack": "none",
        "Nonfinite": "nonfinite",
        "OptAlie": "opt_alie",
        "OptIpm": "opt_ipm",
        "RandomModel": "random_model",
        "Rop": "rop",
        "SignFlip": "sign_flip",
        "Silent": "silent",
        "Spectral": "spectral",
        "Stale": "stale",
    },
)

__all__ = [
    "Alie",
    "Attack",
    "AttackView",
    "Backdoor",
    "Dba",
    "Dissensus",
    "Duplicate",
    "FangKrum",
    "FangTrim",
    "FreeRider",
    "Gaussian",
    "Initialise",
    "Ipm",
    "Knowledge",
    "LabelFlip",
    "LossAware",
    "Max",
    "Messages",
    "Mimic",
    "MinMax",
    "MinSum",
    "Neurotoxin",
    "NoAttack",
    "Nonfinite",
    "OptAlie",
    "OptIpm",
    "RandomModel",
    "Rehearsal",
    "Rop",
    "SignFlip",
    "Silent",
    "Spectral",
    "Stale",
]
