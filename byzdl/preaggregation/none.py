"""No pre-step."""

from byzdl.preaggregation.base import Preaggregation


class NoPre(Preaggregation):
    """The defense sees the models as they came in."""
