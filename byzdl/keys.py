"""Names of configuration keys that more than one part needs. Imports nothing."""

GROUPS = ("attack", "defense", "pre", "topology", "dataset", "partition", "model")

# Local and oracle, which no pre-step may move: none stands in front of them.
WITHOUT_PRE = ("byzdl.defenses.local.Local", "byzdl.defenses.oracle.Oracle")
NO_PRE = {"_target_": "byzdl.pre.none.NoPre", "name": "none"}

# What belongs to the machine and not to the science: it cannot change a result.
MACHINE_KEYS = ("device", "threads", "writer", "checkpoint.every", "dataset.root", "dataset.cache", "topology.path")
