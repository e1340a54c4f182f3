"""Built-in plugin family: semantic uncertainty."""
