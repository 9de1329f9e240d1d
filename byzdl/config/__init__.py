"""Names, types and identities of configurations. Needs no torch."""
