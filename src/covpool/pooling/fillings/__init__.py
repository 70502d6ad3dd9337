"""Fillings of the slots from the wider field: one file an idea."""
