"""Verbs that judge what was trained, and show it."""
