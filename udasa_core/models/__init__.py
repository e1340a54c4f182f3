"""Causal language models: found, loaded, and read for log-probabilities."""
