"""Names that more than one room needs, and byzdl's version. Imports nothing."""

VERSION = "0.3.0"

GROUPS = ("attack", "defense", "pre", "topology", "dataset", "partition", "model")

# Defenses that ignore received models, or know the truth about them. No pre-step stands in front of them.
WITHOUT_PRE = ("local", "oracle")

# Keys of the machine, and of what is done with a result. They cannot change one.
MACHINE_KEYS = (
    "device",
    "threads",
    "writer",
    "objective",
    "checkpoint.every",
    "dataset.root",
    "dataset.cache",
    "topology.path",
)

# The choices of `writer` beside none, each with the package that it needs.
WRITERS = {"tensorboard": "tensorboard", "wandb": "wandb"}

# Classes that have another name since runs were first named. An identity goes by the first name.
FIRST_NAMES = {
    "byzdl.preaggregation.nnm.Nnm": "byzdl.pre.nnm.Nnm",
    "byzdl.preaggregation.bucketing.Bucketing": "byzdl.pre.bucketing.Bucketing",
    "byzdl.preaggregation.none.NoPre": "byzdl.pre.none.NoPre",
    "byzdl.models.TorchvisionModel": "byzdl.models.Vision",
    "byzdl.data.TorchvisionDataset": "byzdl.data.Vision",
}
