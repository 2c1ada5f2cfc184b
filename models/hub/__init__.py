"""Brings pipelines and adapters from a Hugging Face hub: safetensors only, checked, whole or not at all."""


class HubError(Exception):
    """A repository cannot be brought here; the message says what to do."""
