"""Pairing strategies: which two of a prompt's responses become chosen and rejected."""
