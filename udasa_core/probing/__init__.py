"""What some fifty prompts say of a run before hours are spent on it."""
