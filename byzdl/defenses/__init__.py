"""Defenses: one file per rule. A new rule needs its file and a YAML in `conf/defense`, and nothing else."""

from typing import TYPE_CHECKING

from byzdl.defenses.base import Defense, Tolerant
from byzdl.lazy import on_use
from byzdl.vectors.selection import smallest

if TYPE_CHECKING:
    from byzdl.defenses.balance import Balance
    from byzdl.defenses.bounded import Bounded
    from byzdl.defenses.bulyan import Bulyan
    from byzdl.defenses.caf import Caf
    from byzdl.defenses.clipped_gossip import ClippedGossip
    from byzdl.defenses.credibility import Credibility
    from byzdl.defenses.cs_plus import CsPlus
    from byzdl.defenses.d_krum import DKrum
    from byzdl.defenses.d_zeno import DZeno
    from byzdl.defenses.dnc import Dnc
    from byzdl.defenses.flame import Flame
    from byzdl.defenses.fltrust import Fltrust
    from byzdl.defenses.foolsgold import Foolsgold
    from byzdl.defenses.geometric_median import GeometricMedian
    from byzdl.defenses.gts import Gts
    from byzdl.defenses.guarded import Guarded
    from byzdl.defenses.ios import Ios
    from byzdl.defenses.local import Local
    from byzdl.defenses.local_performance_check import LocalPerformanceCheck
    from byzdl.defenses.loss_threshold import LossThreshold
    from byzdl.defenses.mda import Mda
    from byzdl.defenses.meamed import Meamed
    from byzdl.defenses.mean import Mean
    from byzdl.defenses.median import Median
    from byzdl.defenses.multi_krum import MultiKrum
    from byzdl.defenses.nna import Nna
    from byzdl.defenses.oracle import Oracle
    from byzdl.defenses.signguard import Signguard
    from byzdl.defenses.sketchguard import Sketchguard
    from byzdl.defenses.smea import Smea
    from byzdl.defenses.softmax_loss import SoftmaxLoss
    from byzdl.defenses.trimmed_mean import TrimmedMean
    from byzdl.defenses.ubar import Ubar
    from byzdl.defenses.wfagg import Wfagg

__getattr__ = on_use(
    __name__,
    {
        "Balance": "balance",
        "Bounded": "bounded",
        "Bulyan": "bulyan",
        "Caf": "caf",
        "ClippedGossip": "clipped_gossip",
        "Credibility": "credibility",
        "CsPlus": "cs_plus",
        "DKrum": "d_krum",
        "DZeno": "d_zeno",
        "Dnc": "dnc",
        "Flame": "flame",
        "Fltrust": "fltrust",
        "Foolsgold": "foolsgold",
        "GeometricMedian": "geometric_median",
        "Gts": "gts",
        "Guarded": "guarded",
        "Ios": "ios",
        "Local": "local",
        "LocalPerformanceCheck": "local_performance_check",
        "LossThreshold": "loss_threshold",
        "Mda": "mda",
        "Meamed": "meamed",
        "Mean": "mean",
        "Median": "median",
        "MultiKrum": "multi_krum",
        "Nna": "nna",
        "Oracle": "oracle",
        "Signguard": "signguard",
        "Sketchguard": "sketchguard",
        "Smea": "smea",
        "SoftmaxLoss": "softmax_loss",
        "TrimmedMean": "trimmed_mean",
        "Ubar": "ubar",
        "Wfagg": "wfagg",
    },
)

__all__ = [
    "Balance",
    "Bounded",
    "Bulyan",
    "Caf",
    "ClippedGossip",
    "Credibility",
    "CsPlus",
    "DKrum",
    "DZeno",
    "Defense",
    "Dnc",
    "Flame",
    "Fltrust",
    "Foolsgold",
    "GeometricMedian",
    "Gts",
    "Guarded",
    "Ios",
    "Local",
    "LocalPerformanceCheck",
    "LossThreshold",
    "Mda",
    "Meamed",
    "Mean",
    "Median",
    "MultiKrum",
    "Nna",
    "Oracle",
    "Signguard",
    "Sketchguard",
    "Smea",
    "SoftmaxLoss",
    "Tolerant",
    "TrimmedMean",
    "Ubar",
    "Wfagg",
    "smallest",
]
