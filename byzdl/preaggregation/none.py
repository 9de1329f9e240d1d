"""No pre-step."""

from byzdl.preaggregation.base import Preaggregation


class NoPre(Preaggregation):
    """Leaves the received models as they are."""
