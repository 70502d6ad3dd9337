"""What a recipe is: its sections, choices, ranges, and its reading and writing."""
