"""How each of the five systems wrote its weights down: one file of rules a stem."""
