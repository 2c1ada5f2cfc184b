"""The test card: a generator without weights that draws the request itself."""
