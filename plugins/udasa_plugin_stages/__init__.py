"""Stage policies: which pairs are trained on first, and which later."""
