"""Built-in plugin family: stage policies."""
