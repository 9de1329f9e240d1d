"""Pre-aggregation: steps that blend the received models before the defense sees them."""

from typing import TYPE_CHECKING

from byzdl.lazy import on_use
from byzdl.preaggregation.base import Blend, Preaggregation, blended, unblend

if TYPE_CHECKING:
    from byzdl.preaggregation.arc import Arc
    from byzdl.preaggregation.bucketing import Bucketing
    from byzdl.preaggregation.clip import Clip
    from byzdl.preaggregation.nnm import Nnm
    from byzdl.preaggregation.none import NoPre

__getattr__ = on_use(
    __name__,
    {
        "Arc": "arc",
        "Bucketing": "bucketing",
        "Clip": "clip",
        "Nnm": "nnm",
        "NoPre": "none",
    },
)

__all__ = [
    "Arc",
    "Blend",
    "Bucketing",
    "Clip",
    "Nnm",
    "NoPre",
    "Preaggregation",
    "blended",
    "unblend",
]
