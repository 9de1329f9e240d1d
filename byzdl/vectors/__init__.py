"""Sums, distances, ranks and selections over long vectors."""
