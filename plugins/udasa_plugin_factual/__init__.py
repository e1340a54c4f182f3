"""Built-in plugin family: factual uncertainty."""
