"""Sweeps: plans, composes and launches many runs."""
