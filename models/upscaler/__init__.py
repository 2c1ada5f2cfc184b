"""A small network that doubles a picture's size, applied once, twice or three times."""
