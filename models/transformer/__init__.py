"""Our autoregressive text-to-image transformer and its image tokenizer."""
