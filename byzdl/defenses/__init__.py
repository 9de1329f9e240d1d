"""Defenses: one file per rule. A new rule needs its file and a YAML in `conf/defense`, and nothing else."""

from byzdl.defenses.base import Defense, Tolerant
from byzdl.vectors.selection import smallest

__all__ = ["Defense", "Tolerant", "smallest"]
