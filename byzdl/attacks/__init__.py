"""Attacks: one file per attack. A new attack needs its file and a YAML in `conf/attack`, and nothing else."""

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView, Knowledge, Rehearsal

__all__ = ["Attack", "AttackView", "Knowledge", "Messages", "Rehearsal"]
