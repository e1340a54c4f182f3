"""Prompts that somebody types, answered by the models of a run."""
