"""Sums, distances, ranks and selections over long vectors.

Everything works on a matrix of models [m, d], and on index rows [L, k] into it: one row per learner.
"""
