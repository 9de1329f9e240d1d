"""Keys, types, identities and explanations of configurations. Imports no torch."""
