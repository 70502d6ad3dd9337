"""Where pictures come from: folders, archives, arrays, published sets."""
