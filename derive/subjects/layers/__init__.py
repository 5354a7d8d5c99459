"""Layers, losses, optimisers and identities, each only its forward equations, in the plain notation.

`catalogue` is the registry of names; `layer` says what a row is. No gradient is written anywhere here: each comes from
the forward equations through the rules.
"""
