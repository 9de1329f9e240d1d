"""Pre-steps: what is made of the received models before the defense sees them."""

from byzdl.pre.base import Blend, Pre, blended, traced

__all__ = ["Blend", "Pre", "blended", "traced"]
