"""Factual uncertainty: how sure the model was of the very tokens it wrote."""
