"""What corruptions are made of: shuffling, plasma, motion, resampling, ice, edges."""
