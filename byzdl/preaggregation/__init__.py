"""Pre-aggregation: steps that blend the received models before the defense sees them."""

from typing import TYPE_CHECKING

from byzdl.lazy import on_use
from byzdl.preaggregation.base import Blend, Preaggregation, blended, unblend

if TYPE_CHECKING:
    from byzdl.preaggregation.bucketing import Bucketing
    from byzdl.preaggregation.nnm import Nnm
    from byzdl.preaggregation.none import NoPre

__getattr__ = on_use(
    __name__,
    {
        "Bucketing": "bucketing",
        "Nnm": "nnm",
        "NoPre": "none",
    },
)

__all__ = [
    "Blend",
    "Bucketing",
    "Nnm",
    "NoPre",
    "Preaggregation",
    "blended",
    "unblend",
]
