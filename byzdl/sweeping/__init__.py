"""Sweeps: plan, compose, launch."""
