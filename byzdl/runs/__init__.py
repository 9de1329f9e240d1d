"""Runs: from a configuration to a finished folder."""
