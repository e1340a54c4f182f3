"""Factual uncertainty: how sure the model was of its words, and what speaks against what they say."""
