"""The text-to-image GAN: one forward pass from words and noise to the tokenizer's latents."""
