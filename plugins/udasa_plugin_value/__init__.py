"""Built-in plugin family: value uncertainty."""
