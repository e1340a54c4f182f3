"""What a run shows: its figures as plain data, and as tables."""
