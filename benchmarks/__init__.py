"""How fast byzdl is: beside a plain loop, the hardware's floor, and ByzFL's rules. `make bench` runs all of it."""
