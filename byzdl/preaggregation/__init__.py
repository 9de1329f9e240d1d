"""Pre-aggregation: steps that blend the received models before the defense sees them."""

from byzdl.preaggregation.base import Blend, Preaggregation, blended, unblend

__all__ = ["Blend", "Preaggregation", "blended", "unblend"]
