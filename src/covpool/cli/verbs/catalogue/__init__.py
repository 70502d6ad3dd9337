"""Verbs that list what there is, and show one of it."""
