"""The HTTP side of the gateway: one file per door, and what they have in common."""
