"""The gateway: HTTP, the queue, storage, settings; never a tensor."""

__version__ = "0.1.0"
