"""Sentiment for udasa: a dimension that reads tone, and an observer that keeps a journal."""
