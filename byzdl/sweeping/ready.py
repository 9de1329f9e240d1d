"""Imported by the server of processes, before its first one: makes ready what every run needs."""

import byzdl.runs.execute  # noqa: F401 - with torch
from byzdl import attacks, defenses, preaggregation
from byzdl.runs.environment import environment

for rules in (attacks, defenses, preaggregation):
    for name in rules.__all__:
        getattr(rules, name)  # imports the rule
environment()
