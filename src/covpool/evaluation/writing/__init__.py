"""Results as files: whole or absent, and as tables that other programs read."""
