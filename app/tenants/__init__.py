"""Who may ask for pictures, and for how many: API keys, their limits, and what is kept of both in Redis."""
