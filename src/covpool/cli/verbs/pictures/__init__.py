"""Verbs about pictures."""
