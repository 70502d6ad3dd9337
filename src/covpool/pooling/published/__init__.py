"""How each published pool fills the slots: one file a system."""
