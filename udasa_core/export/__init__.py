"""What a run hands on: a model with its card, and pairs."""
