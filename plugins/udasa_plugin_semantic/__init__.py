"""Semantic uncertainty: how far a response's meaning lies from that of the prompt's other responses."""
