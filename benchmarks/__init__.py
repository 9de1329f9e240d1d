"""Measures how fast byzdl is, beside a plain loop, the hardware's limit, and ByzFL's rules. `make bench` runs all parts."""
