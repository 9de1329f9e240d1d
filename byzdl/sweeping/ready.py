"""Imported by the server of processes, before its first one: makes ready what every run needs."""

import byzdl.runs.execute  # noqa: F401 - with torch
from byzdl.runs.environment import environment

environment()
