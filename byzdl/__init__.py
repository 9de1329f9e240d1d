"""byzdl: does a defense survive this attack, on this graph, at this Byzantine rate?"""

from byzdl.config import keys

__version__ = keys.VERSION

__all__ = ["__version__"]
