"""MT-Bench: its files, turns, grading and figures."""
