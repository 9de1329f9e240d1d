"""Names that more than one room needs, and byzdl's version. Imports nothing."""

VERSION = "0.3.0"

GROUPS = ("attack", "defense", "pre", "topology", "dataset", "partition", "model")

# Defenses that ignore received models, or know the truth about them. No pre-step stands in front of them.
WITHOUT_PRE = ("byzdl.defenses.local.Local", "byzdl.defenses.oracle.Oracle")

# Classes that call a function of the user's, which their key `target` names.
CALLERS = ("byzdl.models.OwnModule", "byzdl.models.module.OwnModule")

# Keys of the machine, and of what is done with a result. They cannot change one, and are no part of a run's identity.
# Two combinations of a sweep that differ in such keys alone are one run, which is computed once:
# - always: no number of the result depends on the key
# - content: if the content of the file or folder is a part of the identity. Otherwise the second one is refused
# - never: the second one is refused. Its last digits may differ, and a sweep over the key is meant to show that
MACHINE_KEYS = {
    "device": "never",
    "threads": "never",
    "writer": "always",
    "objective": "always",
    "checkpoint.every": "always",
    "dataset.root": "content",
    "dataset.path": "content",
    "dataset.test_path": "content",
    "dataset.cache": "always",
    "topology.path": "content",
}

# Keys of paths that are parts of the identity, unless there is a checksum in their place: by its key. A path may be a name
# on the Hub.
SEALED = {"dataset.path": "checksum", "dataset.test_path": "test_checksum"}

# Keys that came after the first results, with the value that these were computed with. It is no part of an identity.
LATER = {"task": "classification"}

# Likewise, keys of a choice by its class.
LATER_OF: dict[str, dict[str, object]] = {"byzdl.data.ImageFolder": {"users": False}}

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
