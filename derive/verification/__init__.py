"""A derivation by hand, held line by line against its problem: what is given, what is said, and whether it holds."""
