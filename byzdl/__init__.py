"""byzdl: does a defense survive this attack, on this graph, at this Byzantine rate?

>>> import byzdl
>>> found = byzdl.run("defense=ubar", "attack=alie", rounds=20, seed=1)
>>> found.rounds["round"].tolist()
[0, 10, 20]

Every name is imported when it is first used: `import byzdl` alone takes no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from byzdl.config import keys

if TYPE_CHECKING:
    from byzdl.analysis import load
    from byzdl.api.aggregate import aggregate
    from byzdl.api.attack import attack
    from byzdl.api.run import Run, run
    from byzdl.api.sweep import sweep
    from byzdl.config.describe import choices

__version__ = keys.VERSION

# The home of each public name.
HOMES = {
    "Run": "byzdl.api.run",
    "aggregate": "byzdl.api.aggregate",
    "attack": "byzdl.api.attack",
    "choices": "byzdl.config.describe",
    "load": "byzdl.analysis",
    "run": "byzdl.api.run",
    "sweep": "byzdl.api.sweep",
}

__all__ = ["Run", "aggregate", "attack", "choices", "load", "run", "sweep"]


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("byzdl.testing")
    if name not in HOMES:
        raise AttributeError(f"module 'byzdl' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(HOMES[name]), name)
