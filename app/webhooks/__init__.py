"""Tells clients' servers that their jobs have ended: an outbox in Redis, signed deliveries, dead letters."""
