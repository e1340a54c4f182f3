"""Built-in plugin family: pairing strategies."""
