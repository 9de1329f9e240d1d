"""Measures how fast byzdl is, beside a plain loop, the hardware's limit, ByzFL's rules, and byzdl at another commit.

`make bench` runs all parts.
"""
