"""What the names of a recipe become: losses, optimizers, schedules, mixers, averages."""
