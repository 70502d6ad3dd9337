"""Verbs that train: one network, or many to compare."""
