"""The loop: what changes while a network is trained, and what drives it."""
