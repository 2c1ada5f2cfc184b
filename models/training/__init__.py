"""How the bundled models were trained, and how to train them further."""
