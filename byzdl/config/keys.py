"""Names that more than one room needs, and byzdl's version. Imports nothing."""

VERSION = "0.3.0"

GROUPS = ("attack", "defense", "pre", "topology", "dataset", "partition", "model")

# Defenses that ignore received models, or know the truth about them. No pre-step stands in front of them.
WITHOUT_PRE = ("local", "oracle")

# Keys of the machine. They cannot change a result.
MACHINE_KEYS = ("device", "threads", "writer", "checkpoint.every", "dataset.root", "dataset.cache", "topology.path")

# The choices of `writer` beside none, each with the package that it needs.
WRITERS = {"tensorboard": "tensorboard", "wandb": "wandb"}
