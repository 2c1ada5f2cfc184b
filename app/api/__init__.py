"""The HTTP doors: jobs, OpenAI Images, the catalogue, operations."""
