"""Functionals: pure mathematics on a state."""
