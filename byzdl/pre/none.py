"""No pre-step."""

from byzdl.pre.base import Pre


class NoPre(Pre):
    """The defense sees the models as they came in."""
